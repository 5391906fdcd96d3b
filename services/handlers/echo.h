// The echo service, for measuring and for trying out: any `echo.*` is answered with its own body.
#pragma once

#include "services/logic/router.h"

namespace ringgate {

void add_echo_handlers(Router& router);

}  // namespace ringgate
