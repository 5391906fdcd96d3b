// The login service: `login.signin` and `login.signout`, as gateways send them when a client has
// shown its token and when it has gone.
#pragma once

#include "services/logic/router.h"

namespace ringgate {

void add_login_handlers(Router& router);

}  // namespace ringgate
