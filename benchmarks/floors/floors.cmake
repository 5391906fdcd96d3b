# What the kernel alone costs, for ratios in the same run.

# Of a ping.
add_executable(bare_echo floors/bare_echo.cc floors/echo_server.cc)
target_link_libraries(bare_echo PRIVATE ringgate::bench CLI11::CLI11)
