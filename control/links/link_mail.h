// What the control thread and a gateway's shards tell each other about links. What the shards tell
// only each other is in services/gateway/upstreams/upstream.h.
#pragma once

#include <cstdint>

#include "dataplane/close_reason.h"
#include "dataplane/mail.h"
#include "dataplane/shard.h"

namespace ringgate {

// The lane of a link that serves all shards.
inline constexpr std::uint32_t kNoLane = 0xFFFFFFFF;

struct LinkEvent {
  std::uint32_t upstream;
  std::uint32_t lane;
  std::uint32_t epoch;
  CloseReason reason;
};

inline constexpr MailRange kLinkMail = kShardMail.next(8);
inline constexpr MailOf<LinkEvent> kMailLinkClosed{kLinkMail[0]};  // home shard to control
inline constexpr MailOf<std::uint32_t> kMailRetire{kLinkMail[1]};  // control to shards: upstream
inline constexpr MailOf<std::uint32_t> kMailUpstreamDrained{kLinkMail[2]};  // and to control
inline constexpr MailOf<LinkEvent> kMailLinkSeen{kLinkMail[3]};  // who can use it, to control
static_assert(are_distinct({kMailLinkClosed, kMailRetire, kMailUpstreamDrained, kMailLinkSeen}));

}  // namespace ringgate
