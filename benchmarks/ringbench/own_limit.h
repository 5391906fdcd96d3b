// What this machine, and not the target, refuses to a socket. Pure functions, any thread.
#pragma once

#include <string>

namespace ringgate::bench {

// Of socket(2) and connect(2): no more source ports, descriptors or memory, or not permitted here.
[[nodiscard]] bool is_own_limit(int error) noexcept;

// One sentence: what has run out, and how to have more of it.
[[nodiscard]] std::string own_limit_text(int error);

}  // namespace ringgate::bench
