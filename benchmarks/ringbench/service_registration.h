// The played services in a registry: a file, or a Consul agent, which also gets a /health to check.
//
// Belongs to the thread that starts and stops it. For Consul it has a control loop on a thread of
// its own, and a monitor with its threads; for a file it has none.
#pragma once

#include <memory>
#include <vector>

#include "benchmarks/ringbench/options.h"
#include "codec/error.h"
#include "control/discovery/instance.h"

namespace ringgate::bench {

class ServiceRegistration {
 public:
  // Returns when the registry has them all. The error is a sentence; nothing stays registered then.
  [[nodiscard]] static Result<std::unique_ptr<ServiceRegistration>> start(
      const ServiceOptions& options, std::vector<Instance> services);
  ServiceRegistration() = default;
  ServiceRegistration(const ServiceRegistration&) = delete;
  ServiceRegistration& operator=(const ServiceRegistration&) = delete;
  virtual ~ServiceRegistration() = default;  // stop()

  // Leaves the registry; what could not be taken back is logged.
  virtual void stop() = 0;
};

}  // namespace ringgate::bench
