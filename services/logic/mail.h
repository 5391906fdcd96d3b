// The kinds of mail within a logic service's group of threads.
#pragma once

#include "dataplane/shard.h"

namespace ringgate {

// Between its shards. Those of its stores are in store/mail_kinds.h.
inline constexpr MailKind kMailLinkClaimed = kMailHandler;
inline constexpr MailKind kMailLinkGone = kMailHandler + 1;
inline constexpr MailKind kMailToGateway = kMailHandler + 2;
// To control: failures.h.
inline constexpr MailKind kMailHandlerFailed = kMailHandler + 6;

}  // namespace ringgate
