// bare_push: runs the floor of a push (push_server.h) until SIGINT or SIGTERM.
#include <CLI/CLI.hpp>
#include <memory>
#include <vector>

#include "benchmarks/floors/floor.h"
#include "benchmarks/floors/listening.h"
#include "benchmarks/floors/push_server.h"

namespace ringgate::bench {
namespace {

Result<void> serve(const std::string& listen, PushOptions options) {
  if (options.fanout == 0) options.fanout = options.receivers;
  if (options.fanout > options.receivers) {
    return fail("--fanout is above --receivers: a push goes to a receiver once", 2);
  }
  const auto sockets = ListeningSockets::open(listen, 1);
  if (!sockets) return std::unexpected(sockets.error());
  std::vector<std::unique_ptr<FloorShard>> shards;
  shards.push_back(std::make_unique<PushServer>(sockets->fd(0), options));
  FloorThreads threads(std::move(shards));
  return serve_until_stopped(threads, sockets->address());
}

void add_options(CLI::App& app, std::string& listen, PushOptions& options) {
  app.add_option("--listen", listen, "HOST:PORT; port 0 takes a free one")->capture_default_str();
  app.add_option("--receivers", options.receivers,
                 "pushing begins when so many have connected; more than these are turned away")
      ->capture_default_str()
      ->check(CLI::Range(1U, 1U << 20));
  app.add_option("--fanout", options.fanout,
                 "receivers of each push, taken in turn (default: all of them)")
      ->check(CLI::Range(1U, 1U << 20));
  app.add_option("--body", options.body_bytes, "bytes of a push's body")
      ->capture_default_str()
      ->check(CLI::Range(kMinBodyBytes, std::size_t{65'536}));
  auto* rate = app.add_option("--rate", options.rate, "pushes per second, by the clock")
                   ->check(CLI::Range(0.01, 1e6));
  app.add_option("--in-flight", options.in_flight,
                 "without --rate: pushes not yet sent to all of their receivers")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, kBlocksKept))
      ->excludes(rate);
  app.add_option("--pushes", options.pushes,
                 "stop pushing after so many (default: go on until all receivers have left)")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 32));
}

}  // namespace
}  // namespace ringgate::bench

int main(int argc, char** argv) {
  CLI::App app{
      "The floor of a push: sends one block to many receivers, over io_uring. The block is a TCP\n"
      "frame with a logic packet of flag Push; its body begins with 16 hex digits of the push's\n"
      "intended time (CLOCK_MONOTONIC, ns) and 8 of its number.",
      "bare_push"};
  std::string listen = "127.0.0.1:0";
  ringgate::bench::PushOptions options;
  options.fanout = 0;  // until --receivers is known
  ringgate::bench::add_options(app, listen, options);
  if (const auto end = ringgate::bench::parse_arguments(app, argc, argv)) return *end;
  const auto served = ringgate::bench::serve(listen, options);
  return served ? 0 : ringgate::bench::end_with(app, served.error());
}
