// The kinds of mail between a logic service's shard and its store's thread. The kinds before them
// are the service's own.
#pragma once

#include "dataplane/shard.h"

namespace ringgate {

inline constexpr MailKind kMailStoreRequest = kMailHandler + 3;
inline constexpr MailKind kMailStoreAnswer = kMailHandler + 4;
inline constexpr MailKind kMailNodeLease = kMailHandler + 5;
// A store of a user's own takes kinds from here.
inline constexpr MailKind kMailOfOwnStore = kMailHandler + 16;

}  // namespace ringgate
