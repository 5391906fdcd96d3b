# Precompiled headers: what nearly every file of ours includes is parsed once, not five hundred times.
# They save time and nothing else: every file names what it uses. The clang preset compiles each file
# without them, and tests/structure compiles each header alone.

# ccache wants to read what a precompiled header was made of.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-fpch-preprocess)
  # The compiler's garbage collector walks through the precompiled header each time: a fifth of the
  # time of a small file. A file of ours needs 500 MB without it.
  add_compile_options("SHELL:--param ggc-min-expand=100" "SHELL:--param ggc-min-heapsize=1000000")
endif()

# A precompiled header that targets share. Its flags are those of the folder that it is made in.
function(add_precompiled_header name header)
  file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${name}.cc CONTENT "")
  add_library(${name} OBJECT ${CMAKE_CURRENT_BINARY_DIR}/${name}.cc)
  target_link_libraries(${name} PRIVATE ringgate_flags ${ARGN})
  # In angle brackets: a path from the root, so that every checkout makes the same one.
  target_precompile_headers(${name} PRIVATE <${header}>)
endfunction()

# Every library and program of ours below `folder` uses the precompiled header. Not for targets with
# the property RINGGATE_NOT_PRECOMPILED.
function(use_precompiled_header name folder)
  get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    get_target_property(not_precompiled ${target} RINGGATE_NOT_PRECOMPILED)
    get_target_property(own ${target} PRECOMPILE_HEADERS)
    if(type MATCHES "^(STATIC_LIBRARY|OBJECT_LIBRARY|EXECUTABLE)$" AND NOT not_precompiled AND NOT own)
      target_precompile_headers(${target} REUSE_FROM ${name})
    endif()
  endforeach()
  get_property(below DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
  foreach(subfolder IN LISTS below)
    use_precompiled_header(${name} ${subfolder})
  endforeach()
endfunction()
