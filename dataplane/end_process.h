// For what the machine does to us and no later try can mend. A bug of our own is CHECK's.
#pragma once

#include <string_view>

namespace ringgate {

// Says why, in one line on stderr, and ends the process with exit code 1. From any thread; waits
// for nobody, not for a reader of stderr either.
[[noreturn]] void end_process(std::string_view why) noexcept;

}  // namespace ringgate
