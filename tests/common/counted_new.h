// What a program takes from the heap by operator new. A program that calls these functions has
// counted_new.cc linked in, which replaces every form of new and delete; so it is a program of its
// own, that nothing else is tested in. Any thread.
#pragma once

#include <cstddef>

namespace ringgate::test {

[[nodiscard]] std::size_t allocations() noexcept;  // since the start
[[nodiscard]] std::size_t live_bytes() noexcept;   // as the C library rounds them

}  // namespace ringgate::test
