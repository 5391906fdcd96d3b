# The logic services: the framework, login, chat and echo, and the session stores.
add_library(ringgate_logic STATIC
  # Framework
  logic_channels.cc
  logic_handler.cc
  logic_links.cc
  logic_outbox.cc
  logic_request.cc
  message_id.cc
  # Handlers
  chat_handlers.cc
  echo_handlers.cc
  login_handlers.cc
  # Stores
  store.cc
  store_health.cc
  store_layout.cc
  store_mail.cc
  store_memory.cc
  store_redis.cc
  store_redis_bounds.cc
  store_redis_connection.cc
  store_redis_lease.cc
  store_redis_probe.cc
  store_redis_requests.cc
  store_redis_thread.cc
)
add_library(ringgate::logic ALIAS ringgate_logic)
target_link_libraries(ringgate_logic
  PUBLIC ringgate_flags ringgate::codec_proto ringgate::control ringgate::dataplane
  PRIVATE PkgConfig::HIREDIS fmt::fmt spdlog::spdlog Threads::Threads)
