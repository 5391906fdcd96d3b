# Parts of the gateway by themselves, with Google Benchmark. scripts/bench-micro builds the target
# micro_benches and runs every program of this folder whose name ends in _bench.
add_custom_target(micro_benches)

function(add_micro_bench name)
  cmake_parse_arguments(bench "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} micro/${name}.cc ${bench_SOURCES})
  target_link_libraries(${name} PRIVATE ${bench_LIBRARIES} benchmark::benchmark ringgate_flags)
  add_dependencies(micro_benches ${name})
  set_property(GLOBAL APPEND PROPERTY RINGGATE_MICRO_BENCHES ${name})
endfunction()

# The bytes of a message, beside protobuf.
add_micro_bench(codec_bench LIBRARIES ringgate::codec ringgate::codec_proto)
add_micro_bench(websocket_bench LIBRARIES ringgate::codec)
# Records of TLS, beside contexts of OpenSSL that are kept.
add_micro_bench(tls_bench LIBRARIES ringgate::codec_tls OpenSSL::Crypto)
# Mailboxes, and the gateway's outstanding requests. Neither needs a ring.
add_micro_bench(dataplane_bench LIBRARIES ringgate::dataplane ringgate::gateway)
# One thread wakes another that waits in its ring.
add_micro_bench(wakeup_bench LIBRARIES PkgConfig::LIBURING)
# Selectors. The data plane that they come with is not used.
add_micro_bench(control_bench LIBRARIES ringgate::http ringgate::routing)
# A whole shard over a ring that is an object of the program, since the data plane refers back to it.
foreach(name shard_ping_bench sweep_bench)
  add_micro_bench(${name} SOURCES micro/instant_ring.cc LIBRARIES ringgate::dataplane)
endforeach()
