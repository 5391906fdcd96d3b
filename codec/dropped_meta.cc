#include "codec/dropped_meta.h"

#include <charconv>
#include <cstring>
#include <string_view>

namespace ringgate {
namespace {

constexpr std::string_view kKey = "dropped";
constexpr std::uint8_t kTagMeta = 0x3a;  // field 7 of Header
constexpr std::uint8_t kTagKey = 0x0a;
constexpr std::uint8_t kTagValue = 0x12;

}  // namespace

// Type int is 0, which proto3 leaves out.
DroppedMeta::DroppedMeta(std::uint32_t dropped) noexcept {
  static_assert(kKey.size() == kKeyBytes);
  constexpr std::size_t kValueAt = 3 * kTagAndLength + kKeyBytes;
  char* const value = reinterpret_cast<char*>(bytes_.data()) + kValueAt;
  const auto* const end = std::to_chars(value, value + kMostDigits, dropped).ptr;
  const auto digits = static_cast<std::uint8_t>(end - value);
  constexpr std::uint8_t kKeyField = kTagAndLength + kKeyBytes;
  bytes_[0] = kTagMeta;
  bytes_[1] = static_cast<std::uint8_t>(kKeyField + kTagAndLength + digits);
  bytes_[2] = kTagKey;
  bytes_[3] = static_cast<std::uint8_t>(kKeyBytes);
  std::memcpy(&bytes_[4], kKey.data(), kKeyBytes);
  bytes_[kValueAt - 2] = kTagValue;
  bytes_[kValueAt - 1] = digits;
  size_ = static_cast<std::uint8_t>(kValueAt + digits);
}

}  // namespace ringgate
