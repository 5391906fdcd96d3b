// bare_relay: runs the floor of a request and its answer (relay_server.h), or the service behind
// it, until SIGINT or SIGTERM.
#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/floors/floor.h"
#include "benchmarks/floors/listening.h"
#include "benchmarks/floors/relay_server.h"

namespace ringgate::bench {
namespace {

class Answerer final : public FloorShard {
 public:
  explicit Answerer(int listener) : listener_(listener) {}
  [[nodiscard]] Result<void> open() override { return {}; }
  [[nodiscard]] Result<void> run(const std::atomic<bool>& stop) override {
    return answer_links(listener_, stop);
  }

 private:
  int listener_;
};

Result<void> serve(const std::string& listen, const std::string& service) {
  const auto sockets = ListeningSockets::open(listen, 1);
  if (!sockets) return std::unexpected(sockets.error());
  std::vector<std::unique_ptr<FloorShard>> shards;
  if (service.empty()) {
    shards.push_back(std::make_unique<Answerer>(sockets->fd(0)));
  } else {
    const auto address = resolve_address(service);
    if (!address) return std::unexpected(address.error());
    shards.push_back(std::make_unique<RelayServer>(sockets->fd(0), *address));
  }
  FloorThreads threads(std::move(shards));
  return serve_until_stopped(threads, sockets->address());
}

int run(int argc, char** argv) {
  CLI::App app{
      "The floor of a request: for every 13 bytes of a client 113 go to the service, and for every "
      "113 that come back 13 to the client. Without --service it is that service.",
      "bare_relay"};
  std::string listen = "127.0.0.1:0";
  std::string service;
  app.add_option("--listen", listen, "HOST:PORT; port 0 takes a free one")->capture_default_str();
  app.add_option("--service", service, "HOST:PORT of another bare_relay, which answers");
  if (const auto end = parse_arguments(app, argc, argv)) return *end;
  const auto served = serve(listen, service);
  return served ? 0 : end_with(app, served.error());
}

}  // namespace
}  // namespace ringgate::bench

int main(int argc, char** argv) {
  return ringgate::bench::run(argc, argv);
}
