// Clients that have not logged in and take a gateway's memory: each has sent nearly all of a long
// frame.
#pragma once

#include <sys/resource.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/integration/packets.h"
#include "tests/integration/world.h"

namespace ringgate::test {

// From now on the process may have so much address space more than it has.
inline void bound_address_space(Server& server, std::size_t more_bytes) {
  const auto now = static_cast<rlim_t>(server.metric("process_virtual_memory_bytes"));
  const rlimit limit{now + more_bytes, RLIM_INFINITY};
  if (prlimit(server.process().pid(), RLIMIT_AS, &limit, nullptr) != 0) {
    throw std::runtime_error("the address space cannot be bounded");
  }
}

// As many as it takes until the gateway, of one shard, lets nobody in any more.
inline std::vector<Socket> fill_memory(const Server& gateway) {
  constexpr std::size_t kMost = 2'000;
  const std::string whole = frame(Opcode::kBinary, std::string(60'000, 'x'));
  const std::string_view half = std::string_view(whole).substr(0, whole.size() - 100);
  std::vector<Socket> fillers;
  while (gateway.metric("ringgate_shards_short_of_memory") == 0) {
    if (fillers.size() == kMost) throw std::runtime_error("there is memory for all of them");
    fillers.push_back(gateway.connect_raw());
    fillers.back().write_all(half);
  }
  return fillers;
}

}  // namespace ringgate::test
