// bare_accept: holds bare sockets, of the accepting or of the connecting side (accept_server.h,
// connect_shard.h), until SIGINT or SIGTERM, and says how many.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <numeric>
#include <vector>

#include "benchmarks/floors/accept_server.h"
#include "benchmarks/floors/connect_shard.h"
#include "benchmarks/floors/floor.h"
#include "benchmarks/floors/listening.h"

namespace ringgate::bench {
namespace {

constexpr std::chrono::milliseconds kLook{50};

struct AcceptOptions {
  std::string listen = "127.0.0.1:0";
  unsigned shards = 1;
  std::size_t slots = most_direct_descriptors();
  std::string target;  // empty: accepts
  std::size_t connections = 0;
};

// A line `held N` whenever the number has changed and then stayed for a look, and on SIGUSR1.
template <class Held>
void tell_until_stopped(FloorThreads& threads, const Held& held) {
  std::uint64_t told = 0;
  std::uint64_t before = 0;
  for (;;) {
    const Event event = threads.wait(kLook);
    if (event == Event::kStop) return;
    const std::uint64_t now = held();
    if (event == Event::kReport || (now == before && now != told)) {
      print_line(fmt::format("held {}", now));
      told = now;
    }
    before = now;
  }
}

Result<void> accept_and_hold(const AcceptOptions& options) {
  const auto sockets = ListeningSockets::open(options.listen, 1);
  if (!sockets) return std::unexpected(sockets.error());
  std::vector<std::unique_ptr<FloorShard>> shards;
  std::vector<const AcceptServer*> servers;
  for (unsigned index = 0; index < options.shards; ++index) {
    auto server = std::make_unique<AcceptServer>(sockets->fd(0), options.slots);
    servers.push_back(server.get());
    shards.push_back(std::move(server));
  }
  FloorThreads threads(std::move(shards));
  if (auto started = threads.start(); !started) return started;
  print_line("listening tcp " + sockets->address());
  tell_until_stopped(threads, [&] {
    return std::accumulate(
        servers.begin(), servers.end(), std::uint64_t{0},
        [](std::uint64_t sum, const AcceptServer* server) { return sum + server->held(); });
  });
  return threads.stop();
}

Result<void> connect_and_hold(const AcceptOptions& options) {
  const auto target = resolve_address(options.target);
  if (!target) return fail(target.error().message, 2);
  std::vector<std::unique_ptr<FloorShard>> shards;
  auto only = std::make_unique<ConnectShard>(*target, options.connections, options.slots);
  const ConnectShard& shard = *only;
  shards.push_back(std::move(only));
  FloorThreads threads(std::move(shards));
  if (auto started = threads.start(); !started) return started;
  tell_until_stopped(threads, [&] { return shard.held(); });
  return threads.stop();
}

void add_options(CLI::App& app, AcceptOptions& options) {
  auto* listen = app.add_option("--listen", options.listen, "HOST:PORT; port 0 takes a free one")
                     ->capture_default_str();
  app.add_option("--shards", options.shards, "threads with a ring each that accept")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
  app.add_option("--slots", options.slots,
                 "connections that a ring holds; `ulimit -n` is the most, and what is taken")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, most_direct_descriptors()));
  auto* target = app.add_option("--connect", options.target,
                                "HOST:PORT: be the other end, and connect there instead")
                     ->excludes(listen);
  auto* connections = app.add_option("--connections", options.connections,
                                     "how many to connect, on as many rings as it takes")
                          ->check(CLI::Range(1, 10'000'000))
                          ->needs(target);
  target->needs(connections);
}

}  // namespace
}  // namespace ringgate::bench

int main(int argc, char** argv) {
  using ringgate::bench::AcceptOptions;
  CLI::App app{
      "The floor of a connection's memory: holds sockets with no operation armed on them. Prints\n"
      "`held N` when their number has changed and settled, and on SIGUSR1.",
      "bare_accept"};
  AcceptOptions options;
  ringgate::bench::add_options(app, options);
  if (const auto end = ringgate::bench::parse_arguments(app, argc, argv)) return *end;
  const auto held = options.target.empty() ? ringgate::bench::accept_and_hold(options)
                                           : ringgate::bench::connect_and_hold(options);
  return held ? 0 : ringgate::bench::end_with(app, held.error());
}
