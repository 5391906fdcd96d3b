# What the kernel alone costs, for ratios in the same run.
add_library(ringgate_floors STATIC
  floors/accept_server.cc
  floors/block_log.cc
  floors/connect_shard.cc
  floors/direct_acceptor.cc
  floors/echo_server.cc
  floors/floor.cc
  floors/listening.cc
  floors/push_run.cc
  floors/push_server.cc
  floors/relay_server.cc)
add_library(ringgate::floors ALIAS ringgate_floors)
target_link_libraries(ringgate_floors PUBLIC ringgate::bench CLI11::CLI11 Threads::Threads)

# Of a ping, of a request, of a push, and of a connection's memory.
foreach(floor bare_echo bare_relay bare_push bare_accept)
  add_executable(${floor} floors/${floor}.cc)
  target_link_libraries(${floor} PRIVATE ringgate::floors)
endforeach()

# Of a ping over TLS. The others do without OpenSSL.
add_executable(bare_tls_echo
  floors/bare_tls_echo.cc
  floors/kept_records.cc
  floors/tls_echo_server.cc
  floors/tls_handshakes.cc)
target_link_libraries(bare_tls_echo PRIVATE ringgate::floors ringgate::codec_tls OpenSSL::SSL)
