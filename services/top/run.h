// `ringgate top`: the status of a gateway, again and again until somebody has seen enough. One
// thread, which it blocks.
#pragma once

#include "control/base/error.h"
#include "services/top/http_get.h"

namespace ringgate::top {

// In a terminal until q or Ctrl-C; a gateway that goes away meanwhile is waited for. Without a
// terminal it prints what there is, once.
[[nodiscard]] Result<void> run(const AdminPort& port);

}  // namespace ringgate::top
