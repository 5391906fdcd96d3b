// bare_tls_echo: runs the floor of a ping over TLS (tls_echo_server.h) until SIGINT or SIGTERM.
#include <CLI/CLI.hpp>
#include <csignal>
#include <memory>
#include <vector>

#include "benchmarks/floors/floor.h"
#include "benchmarks/floors/listening.h"
#include "benchmarks/floors/tls_echo_server.h"

namespace ringgate::bench {
namespace {

Result<void> serve(const std::string& listen, unsigned count) {
  signal(SIGPIPE, SIG_IGN);  // of OpenSSL's writes
  const auto sockets = ListeningSockets::open(listen, count);
  if (!sockets) return std::unexpected(sockets.error());
  std::vector<std::unique_ptr<FloorShard>> shards;
  shards.reserve(count);
  for (unsigned index = 0; index < count; ++index) {
    shards.push_back(std::make_unique<TlsEchoServer>(sockets->fd(index)));
  }
  FloorThreads threads(std::move(shards));
  return serve_until_stopped(threads, sockets->address());
}

}  // namespace
}  // namespace ringgate::bench

int main(int argc, char** argv) {
  CLI::App app{
      "The floor of a ping over TLS: answers every 13 bytes with 13 bytes, in records of "
      "TLS 1.3, over io_uring. Each connection keeps its contexts of OpenSSL. The "
      "certificate is made at start, and no client can check it.",
      "bare_tls_echo"};
  std::string listen = "127.0.0.1:0";
  unsigned shards = 1;
  app.add_option("--listen", listen, "HOST:PORT; port 0 takes a free one")->capture_default_str();
  app.add_option("--shards", shards,
                 "threads with a ring each; one holds as many connections as `ulimit -n`")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
  if (const auto end = ringgate::bench::parse_arguments(app, argc, argv)) return *end;
  const auto served = ringgate::bench::serve(listen, shards);
  return served ? 0 : ringgate::bench::end_with(app, served.error());
}
