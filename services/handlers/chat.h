// The chat service: `chat.user.talk` and `chat.talk.ack`; and `login.*`, which existing gateways
// send to the service named chat.
#pragma once

#include "services/logic/router.h"

namespace ringgate {

void add_chat_handlers(Router& router);

}  // namespace ringgate
