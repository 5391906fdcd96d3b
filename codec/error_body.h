// The body of an answer that is not a success, ErrorResp{message}, without protobuf: what a gateway
// answers itself, and what it reads of a service's answers.
//
// Pure functions over bytes, any thread; nothing allocates.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "codec/bytes.h"

namespace ringgate {

// So that its length is one byte.
inline constexpr std::size_t kMaxErrorTextBytes = 127;

// An encoded ErrorResp.
class ErrorBody {
 public:
  // What is beyond kMaxErrorTextBytes is cut off. An empty text has an empty body, as proto3 has
  // it.
  explicit ErrorBody(std::string_view text) noexcept;

  // Valid as long as this.
  [[nodiscard]] ByteView bytes() const noexcept { return ByteView(bytes_).first(size_); }

 private:
  std::array<std::uint8_t, 2 + kMaxErrorTextBytes> bytes_{};
  std::size_t size_ = 0;
};

// The message of an ErrorResp that begins with it; of one that was cut off, what is left. Empty: it
// is longer than kMaxErrorTextBytes, or the body is something else. A view into `body`.
[[nodiscard]] std::string_view error_text(ByteView body) noexcept;

}  // namespace ringgate
