// Words that values of several keys are made of. The messages say what is wrong with the word. Pure
// functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "control/base/error.h"
#include "dataplane/address_range.h"

namespace ringgate {

// What a message may quote: `text`, or "?" where it has control characters in it. A view of `text`:
// no std::string may come in between.
[[nodiscard]] std::string_view quotable(std::string_view text);

// Of a service, or its id.
[[nodiscard]] Result<void> check_name(const std::string& name);
// Of commands: the part before the first dot.
[[nodiscard]] Result<void> check_prefix(const std::string& prefix);
[[nodiscard]] Result<AddressRange> parse_address_range(const std::string& text);

}  // namespace ringgate
