// What the floors of an echo have in common: --listen and --shards, a server on the thread of each
// shard, until SIGINT or SIGTERM.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/floors/floor.h"
#include "benchmarks/floors/listening.h"

namespace ringgate::bench {

template <class Server, class... Arguments>
[[nodiscard]] Result<void> serve_echo(const std::string& listen, unsigned count,
                                      const Arguments&... arguments) {
  const auto sockets = ListeningSockets::open(listen, count);
  if (!sockets) return std::unexpected(sockets.error());
  std::vector<std::unique_ptr<FloorShard>> shards;
  shards.reserve(count);
  for (unsigned index = 0; index < count; ++index) {
    shards.push_back(std::make_unique<Server>(sockets->fd(index), arguments...));
  }
  FloorThreads threads(std::move(shards));
  return serve_until_stopped(threads, sockets->address());
}

// The exit code. `Server` is a FloorShard that is made of the descriptor that it listens on, and of
// arguments that the command line is parsed into.
template <class Server, class... Arguments>
[[nodiscard]] int run_echo_floor(CLI::App& app, int argc, char** argv,
                                 const Arguments&... arguments) {
  std::string listen = "127.0.0.1:0";
  unsigned shards = 1;
  app.add_option("--listen", listen, "HOST:PORT; port 0 takes a free one")->capture_default_str();
  app.add_option("--shards", shards,
                 "threads with a ring each; one holds as many connections as `ulimit -n`")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
  if (const auto end = parse_arguments(app, argc, argv)) return *end;
  const auto served = serve_echo<Server>(listen, shards, arguments...);
  return served ? 0 : end_with(app, served.error());
}

}  // namespace ringgate::bench
