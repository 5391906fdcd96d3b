// What a LoginReq says, without protobuf: it comes from somebody whose token has not been looked at
// yet, so nothing is built from it, and what is too much is refused where it begins to be.
//
// As protobuf reads it: the last of a repeated scalar counts, unknown fields are passed over. But
// groups, which no client sends, are refused.
//
// Pure function, any thread, no allocation. Views are parts of the input.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "codec/bytes.h"

namespace ringgate {

// What MaxLoginTags may be raised to.
inline constexpr std::uint32_t kMostLoginTags = 64;
// Of all kinds, unknown ones included.
inline constexpr std::uint32_t kMaxLoginFields = 256;

struct LoginScan {
  std::string_view token;
  std::string_view isp;
  std::string_view zone;
  std::array<std::string_view, kMostLoginTags> tag;
  std::uint32_t tag_count = 0;
  [[nodiscard]] std::span<const std::string_view> tags() const noexcept {
    return {tag.data(), tag_count};
  }
};

enum class LoginScanStatus : std::uint8_t {
  kOk,
  kBad,          // not a LoginReq
  kTooManyTags,  // or fields
  kBadLabel,     // isp, zone or a tag is too long, or not text: is_valid_label()
};

[[nodiscard]] LoginScanStatus scan_login(ByteView body, std::uint32_t max_tags,
                                         LoginScan& scan) noexcept;

}  // namespace ringgate
