# The logic service that the load generator plays behind a gateway, and what both of them put into
# bodies.
add_library(ringgate_ringbench_service STATIC
  ringbench/played_service.cc
  ringbench/push_body.cc
  ringbench/push_groups.cc
  ringbench/service_answers.cc
  ringbench/service_channels.cc
  ringbench/service_links.cc
  ringbench/service_links_out.cc
  ringbench/service_pusher.cc
  ringbench/service_registration.cc)
add_library(ringgate::ringbench_service ALIAS ringgate_ringbench_service)
target_link_libraries(ringgate_ringbench_service
  PUBLIC ringgate::bench ringgate::dataplane
  PRIVATE ringgate::codec_proto ringgate::control spdlog::spdlog Threads::Threads)
