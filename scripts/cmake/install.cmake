# What `cmake --install` brings. Component "runtime": the programs. Component "development": what
# logic services are made with, for find_package(ringgate): one library, ringgate::service, the headers
# that services/logic/serve.h needs, and the schema.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Every library of ours that `target` links, itself included, and every one that is not ours.
function(collect_libraries target ours_variable others_variable)
  set(ours)
  set(others)
  set(to_see ${target})
  while(to_see)
    list(POP_FRONT to_see next)
    set(imported TRUE)  # in a folder of its own, if it is no target here
    if(TARGET ${next})
      get_target_property(real ${next} ALIASED_TARGET)
      if(real)
        set(next ${real})
      endif()
      get_target_property(imported ${next} IMPORTED)
    endif()
    if(imported)
      list(APPEND others ${next})
    elseif(NOT next IN_LIST ours AND NOT next STREQUAL ringgate_flags)
      list(APPEND ours ${next})
      get_target_property(linked ${next} LINK_LIBRARIES)
      if(linked)
        list(APPEND to_see ${linked})
      endif()
    endif()
  endwhile()
  list(REMOVE_DUPLICATES others)
  # Headers only, which no header of the kit includes.
  list(REMOVE_ITEM others Boost::headers)
  set(${ours_variable} ${ours} PARENT_SCOPE)
  set(${others_variable} ${others} PARENT_SCOPE)
endfunction()

collect_libraries(ringgate_logic kit_libraries kit_needs)
add_library(ringgate_service STATIC)
foreach(library IN LISTS kit_libraries)
  target_sources(ringgate_service PRIVATE $<TARGET_OBJECTS:${library}>)
endforeach()
set_target_properties(ringgate_service PROPERTIES LINKER_LANGUAGE CXX EXPORT_NAME service)
target_link_libraries(ringgate_service INTERFACE ${kit_needs})
get_target_property(kit_link_options ringgate_codec_proto INTERFACE_LINK_OPTIONS)
target_link_options(ringgate_service INTERFACE ${kit_link_options})
target_compile_features(ringgate_service INTERFACE cxx_std_23)
set(kit_includes ${CMAKE_INSTALL_INCLUDEDIR}/ringgate)
target_include_directories(ringgate_service SYSTEM INTERFACE $<INSTALL_INTERFACE:${kit_includes}>)

install(TARGETS ringgate RUNTIME COMPONENT runtime)
if(RINGGATE_BUILD_BENCHMARKS)
  install(TARGETS ringbench RUNTIME COMPONENT runtime)
endif()
install(TARGETS ringgate_service EXPORT ringgate ARCHIVE COMPONENT development)
foreach(folder codec dataplane control/base control/observe services/store services/logic)
  install(DIRECTORY ${folder}/ DESTINATION ${kit_includes}/${folder} COMPONENT development
    FILES_MATCHING PATTERN "*.h")
endforeach()
install(FILES ${CMAKE_BINARY_DIR}/codec/generated/codec/pkt.pb.h DESTINATION ${kit_includes}/codec
  COMPONENT development)
install(FILES codec/pkt.proto DESTINATION ${CMAKE_INSTALL_DATADIR}/ringgate COMPONENT development)

set(kit_package ${CMAKE_INSTALL_LIBDIR}/cmake/ringgate)
install(EXPORT ringgate NAMESPACE ringgate:: FILE ringgate-targets.cmake DESTINATION ${kit_package}
  COMPONENT development)
configure_package_config_file(scripts/cmake/ringgate-config.cmake.in ringgate-config.cmake
  INSTALL_DESTINATION ${kit_package})
write_basic_package_version_file(ringgate-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/ringgate-config.cmake
  ${CMAKE_BINARY_DIR}/ringgate-config-version.cmake DESTINATION ${kit_package}
  COMPONENT development)
