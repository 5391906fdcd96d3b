// UTF-8 that arrives in parts: an automaton of one byte that knows at each byte whether any
// continuation can still be valid. Same judgement as is_utf8 (codec/utf8.h), any thread.
#pragma once

#include <cstdint>

#include "codec/bytes.h"

namespace ringgate {

class Utf8Validator {
 public:
  // False from the first byte on that no valid text can have there.
  bool push(ByteView bytes) noexcept;

  // The text may end here: not in the middle of a character, and nothing was wrong.
  [[nodiscard]] bool complete() const noexcept { return state_ == State::kStart; }

  void reset() noexcept { state_ = State::kStart; }

 private:
  enum class State : std::uint8_t {
    kStart,    // between characters
    kOne,      // one byte 80..bf is missing
    kTwo,      // two of them
    kThree,    // three
    kAfterE0,  // a0..bf comes first: no over-long form
    kAfterEd,  // 80..9f: no surrogate
    kAfterF0,  // 90..bf: no over-long form
    kAfterF4,  // 80..8f: not above U+10FFFF
    kRejected,
  };

  static State lead(std::uint8_t byte) noexcept;
  static State next(State state, std::uint8_t byte) noexcept;

  State state_ = State::kStart;
};

}  // namespace ringgate
