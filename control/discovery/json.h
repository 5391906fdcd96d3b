// The text of a registry file, and what registries demand of a service. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/base/error.h"
#include "control/discovery/instance.h"

namespace ringgate {

// An entry that cannot be used.
struct RefusedInstance {
  std::string id;    // Empty: it has none that can be one.
  std::string why;   // Which entry, and what is wrong with it.
  std::string json;  // As it is written, so that who writes the file keeps it.
};

struct InstanceList {
  std::vector<Instance> services;  // Sorted by id, each id once.
  std::vector<RefusedInstance> refused;
};

// A mistake in one entry costs that entry; two of the same id are both refused, since nobody knows
// which is meant. An error: the text as a whole makes no sense, and nothing of it is believed.
Result<InstanceList> parse_services(std::string_view json);

// One service per line; parse_services() gives the same services, and as many refused ones, back.
std::string format_services(const std::vector<Instance>& services,
                            const std::vector<RefusedInstance>& refused = {});

// What parse_services() demands of one service.
Result<void> check_service(const Instance& service);

}  // namespace ringgate
