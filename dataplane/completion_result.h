// What the result of an operation of the ring means. The errno values that the kernel completes
// operations with are judged in completion_result.cc and nowhere else; what follows from a meaning
// is for the operation that it came from.
#pragma once

#include <cstdint>

namespace ringgate {

enum class ResultMeaning : std::uint8_t {
  kDone,       // 0 or more
  kCancelled,  // we took it back ourselves
  kAgain,      // nothing has happened; the same may be asked again at once
  kNoBuffers,  // of a receive: no provided buffer is free. Of others: the kernel has no memory
  kNoMemory,   // the kernel has none: better later
  kNoFiles,    // in this process or the machine: better later
  kPeerGone,   // the socket's connection is broken
  kTimedOut,   // the same, as the peer has acknowledged nothing for SendBounds::unacknowledged_ms
  kFailed,     // all else
};

// Of an error, which is -errno.
[[nodiscard]] ResultMeaning meaning_of_error(std::int32_t result) noexcept;

[[nodiscard]] inline ResultMeaning meaning_of(std::int32_t result) noexcept {
  if (result >= 0) [[likely]]
    return ResultMeaning::kDone;
  return meaning_of_error(result);
}

}  // namespace ringgate
