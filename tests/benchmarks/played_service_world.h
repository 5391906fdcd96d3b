// A played service, the registry file that it enters itself into, and a real gateway that finds it
// there. Used by the test's main thread.
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "benchmarks/ringbench/played_service.h"
#include "control/discovery/file_store.h"
#include "tests/integration/raw_service.h"

namespace ringgate::test {

inline bench::Options played(const World& world, bench::Options options = {}) {
  options.service.play = true;
  options.service.registry_file = world.registry_file();
  return options;
}

inline std::unique_ptr<bench::PlayedService> start_played(const bench::Options& options,
                                                          bench::RunState& state) {
  auto service = bench::PlayedService::start(options, state);
  if (!service) throw std::runtime_error(service.error().message);
  return std::move(*service);
}

// What the registry file says of it; nothing: it is not there.
inline std::optional<Instance> registered(const World& world, const std::string& name) {
  const auto stored = read_services(world.registry_file());
  if (!stored || !*stored) return std::nullopt;
  for (const Instance& service : (*stored)->services) {
    if (service.name == name) return service;
  }
  return std::nullopt;
}

inline Instance must_be_registered(const World& world, const std::string& name) {
  return registered(world, name).value();
}

inline std::uint64_t errors(const bench::Tally& tally, bench::ErrorKind kind) {
  return tally.errors[static_cast<std::size_t>(kind)];
}

struct PlayedBench {
  // `links`: how many the gateway will have to it.
  PlayedBench(const bench::Options& wanted, const Settings& settings, unsigned links = 1)
      : options(played(world, wanted)),
        service(start_played(options, state)),
        gateway(world, "gateway", "g1", settings) {
    wait_until("links", [&] { return service->links() == links; });
    gateway.wait_metric("ringgate_links", links);
  }

  World world;
  bench::Options options;
  bench::RunState state;
  std::unique_ptr<bench::PlayedService> service;
  Server gateway;
};

}  // namespace ringgate::test
