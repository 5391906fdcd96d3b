// What the control thread and a gateway's shards tell each other about links. What the shards tell
// only each other is in services/gateway/upstreams/upstream.h.
#pragma once

#include <cstdint>

#include "dataplane/close_reason.h"
#include "dataplane/mailbox.h"
#include "dataplane/shard.h"

namespace ringgate {

// The lane of a link that serves all shards.
inline constexpr std::uint32_t kNoLane = 0xFFFFFFFF;

inline constexpr MailKind kMailLinkClosed = kMailHandler + 4;       // home shard to control
inline constexpr MailKind kMailRetire = kMailHandler + 5;           // control to shards
inline constexpr MailKind kMailUpstreamDrained = kMailHandler + 6;  // shards to control
inline constexpr MailKind kMailLinkSeen = kMailHandler + 7;  // shards that can use it, to control

struct LinkEvent {
  std::uint32_t upstream;
  std::uint32_t lane;
  std::uint32_t epoch;
  CloseReason reason;
};

}  // namespace ringgate
