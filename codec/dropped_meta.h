// How a client learns that it was not sent all pushes: the first one behind those that were dropped
// has the meta `dropped` (type int), whose value is how many.
//
// Pure functions, any thread.
#pragma once

#include <array>
#include <cstdint>

#include "codec/bytes.h"

namespace ringgate {

// The meta as a field of a Header, to be put behind its other fields. Valid as long as this is.
class DroppedMeta {
 public:
  explicit DroppedMeta(std::uint32_t dropped) noexcept;
  [[nodiscard]] ByteView field() const noexcept { return {bytes_.data(), size_}; }

 private:
  static constexpr std::size_t kMostDigits = 10;
  static constexpr std::size_t kTagAndLength = 2;
  static constexpr std::size_t kKeyBytes = 7;
  std::array<std::uint8_t, 3 * kTagAndLength + kKeyBytes + kMostDigits> bytes_;
  std::uint8_t size_ = 0;
};

}  // namespace ringgate
