// What a command was asked for goes to stdout, all of it or with an error: a script that reads it
// must not take the half for the whole. Any thread; it waits for whoever reads.
#pragma once

#include <string_view>

#include "control/base/error.h"

namespace ringgate {

// The error names what is wrong, with exit code 1.
[[nodiscard]] Result<void> print_out(std::string_view text);

}  // namespace ringgate
