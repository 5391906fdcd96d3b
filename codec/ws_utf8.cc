#include "codec/ws_utf8.h"

#include <array>

namespace ringgate {
namespace {

// How many bytes of ASCII `bytes` begins with, counted in whole words.
std::size_t ascii_words(ByteView bytes) noexcept {
  constexpr std::uint64_t kHighBits = 0x8080'8080'8080'8080;
  std::size_t at = 0;
  for (std::uint64_t word; at + sizeof word <= bytes.size(); at += sizeof word) {
    std::memcpy(&word, bytes.data() + at, sizeof word);
    if ((word & kHighBits) != 0) break;
  }
  return at;
}

}  // namespace

// What the first byte of a character asks for (RFC 3629, section 4).
Utf8Validator::State Utf8Validator::lead(std::uint8_t byte) noexcept {
  if (byte < 0x80) return State::kStart;
  if (byte < 0xc2) return State::kRejected;  // a continuation, or an over-long form
  if (byte < 0xe0) return State::kOne;
  if (byte < 0xf0) {
    if (byte == 0xe0) return State::kAfterE0;
    return byte == 0xed ? State::kAfterEd : State::kTwo;
  }
  if (byte > 0xf4) return State::kRejected;
  if (byte == 0xf0) return State::kAfterF0;
  return byte == 0xf4 ? State::kAfterF4 : State::kThree;
}

Utf8Validator::State Utf8Validator::next(State state, std::uint8_t byte) noexcept {
  struct Expected {
    std::uint8_t low;
    std::uint8_t high;
    State then;
  };
  static constexpr std::array<Expected, 9> kExpected = {{
      {0x00, 0x00, State::kRejected},  // kStart: not asked
      {0x80, 0xbf, State::kStart},
      {0x80, 0xbf, State::kOne},
      {0x80, 0xbf, State::kTwo},
      {0xa0, 0xbf, State::kOne},
      {0x80, 0x9f, State::kOne},
      {0x90, 0xbf, State::kTwo},
      {0x80, 0x8f, State::kTwo},
      {0x00, 0xff, State::kRejected},
  }};
  if (state == State::kStart) return lead(byte);
  const Expected& expected = kExpected[static_cast<std::size_t>(state)];
  return byte >= expected.low && byte <= expected.high ? expected.then : State::kRejected;
}

bool Utf8Validator::push(ByteView bytes) noexcept {
  State state = state_;
  std::size_t at = 0;
  while (at < bytes.size() && state != State::kRejected) {
    if (state == State::kStart && bytes[at] < 0x80) {
      const std::size_t skipped = ascii_words(bytes.subspan(at));
      at += skipped;
      if (skipped != 0) continue;
    }
    state = next(state, bytes[at++]);
  }
  state_ = state;
  return state != State::kRejected;
}

}  // namespace ringgate
