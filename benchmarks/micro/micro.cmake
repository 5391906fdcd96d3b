# Parts of the gateway by themselves, with Google Benchmark.

# What the codec costs, beside protobuf.
add_executable(codec_bench micro/codec_bench.cc)
target_link_libraries(codec_bench PRIVATE
  ringgate::codec ringgate::codec_proto benchmark::benchmark ringgate_flags)

# A ping through a whole shard, TCP beside WebSocket: over a ring of its own, so that only user space
# counts. An object of the program, since the data plane refers back to it.
add_executable(shard_ping_bench micro/shard_ping_bench.cc)
target_link_libraries(shard_ping_bench PRIVATE
  ringgate::dataplane benchmark::benchmark ringgate_flags)
