// Why an admin port gave no answer, in words that say what to do. Pure, any thread.
#pragma once

#include <string>

#include "control/discovery/consul/http.h"

namespace ringgate {

// Of a reply whose failure is not kNone.
[[nodiscard]] std::string why_no_answer(const consul::Reply& reply);

}  // namespace ringgate
