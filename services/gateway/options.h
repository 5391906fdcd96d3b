// What a gateway's handlers are told at start.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "control/config/gateway_limits.h"

namespace ringgate {

struct GatewayOptions : GatewayLimits {
  std::string gateway_id;
  std::string zone;
  std::string nonce;                          // of channel ids, see channel.h
  std::vector<std::string> secrets;           // tokens signed with any of them are good
  std::map<std::string, std::string> routes;  // command's service name to another service name

  std::uint32_t max_link_metas = 256;               // in a header of a service
  std::size_t max_waiting_push_bytes = 256 * 1024;  // of a channel whose login is not answered
  std::uint32_t token_grace_s = 0;
  std::uint64_t first_login = 1;  // the first login number of a shard
  bool tells_debug = false;       // what happens to each client is told for the log

  bool operator==(const GatewayOptions&) const = default;
};

}  // namespace ringgate
