# The same done by others, for comparison.
pkg_check_modules(LIBWEBSOCKETS REQUIRED IMPORTED_TARGET libwebsockets)

add_executable(lws_tls_echo peers/lws_tls_echo.cc)
target_link_libraries(lws_tls_echo
  PRIVATE ringgate::codec PkgConfig::LIBWEBSOCKETS CLI11::CLI11)
