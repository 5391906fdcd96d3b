// The kinds of mail between a logic service's shard and the threads of its stores. Those between
// its shards are in services/logic/mail.h.
#pragma once

#include "dataplane/mail.h"
#include "dataplane/shard.h"
#include "services/store/message_ids.h"

namespace ringgate {

// Mail of kind kMailNodeLease: what RedisSessions tells a shard's MessageIds.
struct NodeLeaseMail {
  std::uint64_t granted;  // 0: there is none any more
  NodeLease lease;
};

// A call that goes to a store's thread or comes back: see calls/job.h for whose it is.
class StoreJob;
struct StoreJobMail {
  StoreJob* job;
};

inline constexpr MailRange kStoreMail = kShardMail.next(16);
inline constexpr MailOf<NodeLeaseMail> kMailNodeLease{kStoreMail[0]};
inline constexpr MailOf<StoreJobMail> kMailStoreCall{kStoreMail[1]};
inline constexpr MailOf<StoreJobMail> kMailStoreDone{kStoreMail[2]};
// The answer of a call has come too late: the store undoes it.
inline constexpr MailOf<StoreJobMail> kMailStoreLate{kStoreMail[3]};
static_assert(are_distinct({kMailNodeLease, kMailStoreCall, kMailStoreDone, kMailStoreLate}));

// For a store of a user's own.
inline constexpr MailRange kOwnStoreMail = kStoreMail.next(64);

}  // namespace ringgate
