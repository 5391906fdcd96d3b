// What the rows of the table of keys are written with (keys.cc, keys_bounds.cc).
#pragma once

#include <cstddef>
#include <span>

#include "control/config/keys.h"

namespace ringgate {

// The second part of the table: threads, bounds and times.
[[nodiscard]] std::span<const ConfigKey> bound_keys();

namespace key_rows {

inline constexpr std::size_t kKiB = Config::kKiB;
inline constexpr std::size_t kMiB = Config::kMiB;
inline constexpr std::size_t kGiB = 1024 * kMiB;
// The longest frame whose length fits the sizes that the kernel and our queues count in.
inline constexpr std::size_t kMostFrame = kGiB;

template <auto kMember>
constexpr auto of_clients() {
  return at<&Config::shard, &ShardLimits::limits, Config::kClients, kMember>();
}
template <auto kMember>
constexpr auto of_links() {
  return at<&Config::shard, &ShardLimits::limits, Config::kLinks, kMember>();
}

// Who heeds a key, and whether SIGHUP takes a new value over.
inline constexpr KeyUse kFixed{HeededBy::kAll, Reload::kNever};
inline constexpr KeyUse kLive{HeededBy::kAll, Reload::kEverywhere};
inline constexpr KeyUse kLiveInGateway{HeededBy::kAll, Reload::kInGateway};
inline constexpr KeyUse kGatewayFixed{HeededBy::kGateway, Reload::kNever};
inline constexpr KeyUse kGatewayLive{HeededBy::kGateway, Reload::kInGateway};
inline constexpr KeyUse kServicesFixed{HeededBy::kServices, Reload::kNever};
inline constexpr KeyUse kChatFixed{HeededBy::kChat, Reload::kNever};
inline constexpr KeyUse kServicesLive{HeededBy::kServices, Reload::kInServices};

}  // namespace key_rows
}  // namespace ringgate
