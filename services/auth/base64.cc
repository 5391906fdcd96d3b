#include "services/auth/base64.h"

#include <array>
#include <cstdint>

namespace ringgate {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kInvalid = 0xff;

constexpr std::array<std::uint8_t, 256> make_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kInvalid);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<std::uint8_t>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}

constexpr std::array<std::uint8_t, 256> kValues = make_values();

}  // namespace

void append_base64url(std::string& to, std::string_view bytes) {
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<std::uint8_t>(c);
    count += 8;
    while (count >= 6) {
      count -= 6;
      to.push_back(kAlphabet[bits >> count & 0x3f]);
    }
  }
  if (count > 0) to.push_back(kAlphabet[bits << (6 - count) & 0x3f]);
}

bool decode_base64url(std::string_view text, std::string& to) {
  to.clear();
  if (text.size() % 4 == 1) return false;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const std::uint8_t value = kValues[static_cast<std::uint8_t>(c)];
    if (value == kInvalid) return false;
    bits = bits << 6 | value;
    count += 6;
    if (count >= 8) {
      count -= 8;
      to.push_back(static_cast<char>(bits >> count & 0xff));
    }
  }
  const std::uint32_t left_over = bits & ((1U << count) - 1);
  return left_over == 0;
}

}  // namespace ringgate
