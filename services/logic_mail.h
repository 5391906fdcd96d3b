// The kinds of mail within a logic service's group of threads.
#pragma once

#include "dataplane/shard.h"

namespace ringgate {

// Between its shards.
inline constexpr MailKind kMailLinkClaimed = kMailHandler;
inline constexpr MailKind kMailLinkGone = kMailHandler + 1;
inline constexpr MailKind kMailToGateway = kMailHandler + 2;
// Between a shard and the store's thread.
inline constexpr MailKind kMailStoreRequest = kMailHandler + 3;
inline constexpr MailKind kMailStoreAnswer = kMailHandler + 4;
inline constexpr MailKind kMailNodeLease = kMailHandler + 5;
// A store of a user's own takes kinds from here.
inline constexpr MailKind kMailOfOwnStore = kMailHandler + 16;

}  // namespace ringgate
