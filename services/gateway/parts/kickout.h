// The push that tells a client that its login has ended. On the shard's thread.
#pragma once

#include <string_view>

#include "dataplane/shard.h"

namespace ringgate {

// False: there was no room for it, and the connection is being closed as a slow consumer.
[[nodiscard]] bool push_kickout(Shard& shard, Connection& connection, std::string_view channel_id);

}  // namespace ringgate
