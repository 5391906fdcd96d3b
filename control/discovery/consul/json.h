// The JSON of Consul's HTTP API. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/base/error.h"
#include "control/discovery/consul/options.h"
#include "control/discovery/instance.h"
#include "control/discovery/json.h"

namespace ringgate::consul {

// The answer of /v1/health/service/NAME. What is not the JSON that Consul documents is an error as
// a whole; an instance that we cannot use (a bad id, no port, an address that is none) is refused.
// Those of `refused` have no `json`.
Result<InstanceList> parse_health(std::string_view json);

// The answer of /v1/agent/service/ID.
Result<Instance> parse_agent_service(std::string_view json);

// The body for /v1/agent/service/register, as Consul gives it back to the two above. It has a check
// when the service's meta has a health_url, which begins as passing if that `answers`; otherwise
// Consul does not use the service before it has asked for itself.
std::string format_registration(const Instance& service, const Options& options,
                                bool answers = false);

}  // namespace ringgate::consul
