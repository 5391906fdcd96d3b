// The slots of a Redis Cluster, by which its servers share the keys. Pure functions, any thread.
#pragma once

#include <hiredis/hiredis.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/address.h"

namespace ringgate {

inline constexpr std::uint16_t kRedisSlots = 16'384;

// Of a key, or of what stands between its first braces.
[[nodiscard]] std::uint16_t redis_slot(std::string_view key) noexcept;

struct RedisSlotRange {
  std::uint16_t first;
  std::uint16_t last;  // inclusive
  Endpoint server;
};
// The answer to CLUSTER SLOTS; nothing: it is none. A server that does not say its host is at
// `asked`.
[[nodiscard]] std::optional<std::vector<RedisSlotRange>> read_redis_slots(const redisReply& reply,
                                                                          const std::string& asked);

struct RedisRedirect {
  bool is_moved;  // for good; else only this once
  std::uint16_t slot;
  Endpoint server;
};
// "MOVED 3999 127.0.0.1:6381", "ASK ..."; nothing: another error.
[[nodiscard]] std::optional<RedisRedirect> read_redis_redirect(std::string_view error,
                                                               const std::string& asked);

}  // namespace ringgate
