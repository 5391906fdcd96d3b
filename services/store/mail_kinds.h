// The kinds of mail between a logic service's shard and the threads of its stores. Those between
// its shards are in services/logic/mail.h.
#pragma once

#include "dataplane/mail.h"
#include "dataplane/shard.h"
#include "services/store/message_ids.h"

namespace ringgate {

// Mail of kind kMailNodeLease: what RedisStore tells its shard's MessageIds.
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
inline constexpr MailBytes kMailStoreRequest{kStoreMail[0]};  // see mail.h
inline constexpr MailBytes kMailStoreAnswer{kStoreMail[1]};   // see mail.h
inline constexpr MailOf<NodeLeaseMail> kMailNodeLease{kStoreMail[2]};
inline constexpr MailOf<StoreJobMail> kMailStoreCall{kStoreMail[3]};
inline constexpr MailOf<StoreJobMail> kMailStoreDone{kStoreMail[4]};
// The answer of a call has come too late: the store undoes it.
inline constexpr MailOf<StoreJobMail> kMailStoreLate{kStoreMail[5]};
static_assert(are_distinct({kMailStoreRequest, kMailStoreAnswer, kMailNodeLease, kMailStoreCall,
                            kMailStoreDone, kMailStoreLate}));

// For a store of a user's own.
inline constexpr MailRange kOwnStoreMail = kStoreMail.next(64);

}  // namespace ringgate
