// What a process has that another may take over.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "control/base/unique_fd.h"

namespace ringgate::handover {

// What the name of a port for probes and operators begins with.
inline constexpr const char* kHttpPort = "http ";

// Sockets that listen at one address: copies, of which closing ends nothing.
struct Sockets {
  std::string name;  // as ListenerSet::printed() has it; of a port for HTTP, "http host:port"
  std::vector<UniqueFd> copies;
};

struct Offer {
  std::string service_id;
  std::string gateway_id;  // what services know it by
  bool ready = false;      // as /ready
  std::vector<Sockets> sockets;
};

// A process takes over that has asked for the ports.
struct Going {
  int process = 0;
  std::string service_id;
  std::set<std::string> taken;  // the names of what it uses; none: it did not say
  std::function<void()> gone;   // to be called once nobody is accepted here any more
};

// What services know a gateway by that takes over: of another id, its own; of the same id one that
// its predecessors do not have, who are there for a while. An empty one: the id is too long for it.
[[nodiscard]] std::string next_gateway_id(const std::string& service_id, const Offer& old);

}  // namespace ringgate::handover
