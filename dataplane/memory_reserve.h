// Memory that the process keeps for when there is none: what cannot be refused half way through,
// such as a table that grows, gets it instead. Then nobody is let in until it is there again.
//
// Without it (the tools, most tests), or when it has gone, std::bad_alloc ends the process with a
// sentence. Any thread. It is address space until it is used.
#pragma once

#include <cstddef>

namespace ringgate::memory_reserve {

inline constexpr std::size_t kBytes = 8 * 1024 * 1024;

// Once, at start: from now on operator new draws on it when it finds no memory.
void keep() noexcept;

// It has gone, and refill() has not found any yet.
[[nodiscard]] bool is_used() noexcept;
void refill() noexcept;

}  // namespace ringgate::memory_reserve
