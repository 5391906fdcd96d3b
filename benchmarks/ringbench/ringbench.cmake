# The load generator: a library, so that tests can test its parts, and the program.
add_library(ringgate_ringbench STATIC
  ringbench/client.cc
  ringbench/options.cc
  ringbench/report.cc
  ringbench/worker.cc)
add_library(ringgate::ringbench ALIAS ringgate_ringbench)
target_link_libraries(ringgate_ringbench
  PUBLIC ringgate::bench
  PRIVATE ringgate::services CLI11::CLI11 Threads::Threads)

add_executable(ringbench ringbench/main.cc)
target_link_libraries(ringbench PRIVATE ringgate::ringbench Threads::Threads)
