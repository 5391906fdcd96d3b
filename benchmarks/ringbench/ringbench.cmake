# The load generator: libraries, so that tests can test its parts, and the program.
add_library(ringgate_ringbench STATIC
  ringbench/client_codec.cc
  ringbench/mix_file.cc
  ringbench/options.cc
  ringbench/options_check.cc
  ringbench/push_body.cc
  ringbench/worker.cc
  ringbench/worker_connect.cc
  ringbench/worker_input.cc
  ringbench/worker_load.cc)
add_library(ringgate::ringbench ALIAS ringgate_ringbench)
target_link_libraries(ringgate_ringbench
  PUBLIC ringgate::bench ringgate::codec_proto ringgate::dataplane
  PRIVATE ringgate::services CLI11::CLI11 yaml-cpp Threads::Threads)
target_compile_definitions(ringgate_ringbench PRIVATE RINGGATE_VERSION="${PROJECT_VERSION}")
