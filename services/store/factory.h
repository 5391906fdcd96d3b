// How a logic service makes its stores.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "dataplane/shard.h"
#include "services/store/message_ids.h"
#include "services/store/messages.h"
#include "services/store/sessions.h"

namespace ringgate {

// How long a boot of a gateway is taken for alive after it has said so last.
inline constexpr std::uint32_t kBootLeaseMs = 30'000;

// The session store of a shard, which it may go without. Who keeps sessions also has node numbers:
// `ids` has a lease from it, now or by mail. Both references outlive it.
using MakeSessions = std::function<std::unique_ptr<SessionStore>(Shard& shard, MessageIds& ids)>;
// The message store of a shard, which it may go without. The reference outlives it.
using MakeMessages = std::function<std::unique_ptr<MessageStore>(Shard& shard)>;

}  // namespace ringgate
