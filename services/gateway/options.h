// What a gateway's handlers are told at start.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ringgate {

struct GatewayOptions {
  std::string gateway_id;
  std::string zone;
  std::string nonce;                          // of channel ids, see channel.h
  std::vector<std::string> secrets;           // tokens signed with any of them are good
  std::map<std::string, std::string> routes;  // command's service name to another service name

  std::size_t max_header_bytes = 4 * 1024;
  std::size_t max_link_header_bytes = 1024 * 1024;
  std::uint32_t max_metas = 64;  // in a header of a client
  std::size_t max_login_body_bytes = 8 * 1024;
  std::uint32_t max_login_tags = 32;
  std::uint32_t max_link_metas = 256;      // in a header of a service
  std::uint32_t max_outstanding = 65'536;  // per upstream and shard
  std::uint32_t max_client_outstanding = 8'192;
  std::size_t max_waiting_push_bytes = 256 * 1024;  // of a channel whose login is not answered
  std::uint32_t max_signouts = 65'536;              // waiting for a login service, per shard
  std::uint32_t login_wait_ms = 10'000;
  std::uint32_t login_answer_timeout_ms = 5'000;
  std::uint32_t answer_timeout_ms = 30'000;
  std::uint32_t heartbeat_ms = 55'000;
  std::uint32_t eject_after_ms = 2'000;  // asked and silent: others are asked; 0: never
  std::uint32_t signout_keep_ms = 60'000;
  std::uint32_t token_grace_s = 0;
  std::uint64_t first_login = 1;  // the first login number of a shard
};

}  // namespace ringgate
