// The push that tells a client that its login has ended, and what follows. On the shard's thread.
#pragma once

#include <string_view>

#include "services/gateway/parts/context.h"

namespace ringgate {

// False: there was no room for it, and the connection is being closed as a slow consumer.
[[nodiscard]] bool push_kickout(Shard& shard, Connection& connection, std::string_view channel_id);

// Told that another login took its place, it may stay for KickoutLinger to close by itself.
void end_kicked_out(const GatewayContext& context, Connection& connection);

}  // namespace ringgate
