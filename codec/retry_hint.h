// What a gateway that wants a client to go says behind the reason's name in its close frame: when
// to come again, and where to.
//
//   "draining; retry_in_ms=2500; at=gateway2.example.com:8001"
//
// Pure functions, any thread. Who does not know it sees a text.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ringgate {

struct RetryHint {
  std::uint32_t in_ms = 0;
  std::string_view at;  // "host:port"; empty: where it was
};

// "; retry_in_ms=", ten digits, "; at=" and an address: with every reason's name it fits a
// WebSocket's close frame (123 bytes).
inline constexpr std::size_t kMaxRetryAtBytes = 64;
inline constexpr std::size_t kMaxRetryHintBytes = 14 + 10 + 5 + kMaxRetryAtBytes;
using RetryHintText = std::array<char, kMaxRetryHintBytes>;

// Into `to`; a view of it. Of an address that is too long nothing is written.
[[nodiscard]] std::string_view write_retry_hint(RetryHintText& to, const RetryHint& hint) noexcept;

// Nothing: `reason` holds none. What else is in it is passed over. `at` is a view of `reason`.
[[nodiscard]] std::optional<RetryHint> parse_retry_hint(std::string_view reason) noexcept;

}  // namespace ringgate
