// What an operation of a floor carries to its completion: its kind, and a number whose meaning the
// kind gives (a slot, a place, one of the armed accepts).
//
// Plain values. No generations: a floor reuses a number only when nothing of it is in flight.
#pragma once

#include <cstdint>

namespace ringgate::bench {

enum class Kind : std::uint8_t { kAccept, kRecv, kSend, kShutdown, kClose };

constexpr std::uint64_t tag(Kind kind, std::uint32_t number) noexcept {
  return (std::uint64_t{number} << 8) | static_cast<std::uint8_t>(kind);
}
constexpr Kind kind_of(std::uint64_t user_data) noexcept {
  return static_cast<Kind>(user_data & 0xff);
}
constexpr std::uint32_t number_of(std::uint64_t user_data) noexcept {
  return static_cast<std::uint32_t>(user_data >> 8);
}

}  // namespace ringgate::bench
