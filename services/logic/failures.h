// An exception out of a handler: counted on its shard, and told to control, which logs it.
#pragma once

#include <string>
#include <string_view>

#include "services/logic/mail.h"
#include "services/logic/request.h"

namespace ringgate {

// Within a catch block, on the request's shard.
void note_exception(Request& request) noexcept;

// A line for the log. What a client chose of it is printable.
[[nodiscard]] std::string describe(const HandlerFailedMail& mail);

}  // namespace ringgate
