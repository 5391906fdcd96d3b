#include "codec/names.h"

#include <algorithm>
#include <cstdint>

#include "codec/utf8.h"

namespace ringgate {
namespace {

bool is_printable(std::string_view text, bool commas) noexcept {
  if (!is_utf8(text)) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(text[i]);
    if (byte < 0x20 || byte == 0x7f || (byte == ',' && !commas)) return false;
    // U+0080 to U+009F; in valid UTF-8 a byte follows 0xc2.
    if (byte == 0xc2 && static_cast<std::uint8_t>(text[i + 1]) < 0xa0) return false;
  }
  return true;
}

bool is_name(std::string_view name, std::size_t max_bytes) noexcept {
  return !name.empty() && name.size() <= max_bytes && is_printable(name, false);
}

// Of base 32.
bool is_digit_of_ids(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'v');
}
constexpr char kLastToldBootDigit = 'f';

}  // namespace

bool is_valid_account(std::string_view account) noexcept {
  return is_name(account, kMaxAccountBytes);
}

bool is_valid_app(std::string_view app) noexcept {
  return is_name(app, kMaxAppBytes);
}

bool is_valid_foreign_id(std::string_view id) noexcept {
  return is_name(id, kMaxForeignIdBytes);
}

bool is_valid_label(std::string_view label) noexcept {
  return label.size() <= kMaxLabelBytes && is_printable(label, true);
}

bool is_valid_boot(std::string_view boot) noexcept {
  return boot.size() == kChannelBootBytes && boot[0] <= kLastToldBootDigit &&
         std::ranges::all_of(boot, is_digit_of_ids);
}

std::string_view boot_of_channel(std::string_view channel_id,
                                 std::string_view gateway_id) noexcept {
  if (channel_id.size() <= gateway_id.size() + 2 + kChannelUniqueBytes) return {};
  if (!channel_id.starts_with(gateway_id) || channel_id[gateway_id.size()] != '_') return {};
  const std::size_t unique_at = channel_id.size() - kChannelUniqueBytes;
  const std::string_view unique = channel_id.substr(unique_at);
  if (channel_id[unique_at - 1] != '_' || !std::ranges::all_of(unique, is_digit_of_ids)) return {};
  const std::string_view boot = unique.substr(0, kChannelBootBytes);
  return is_valid_boot(boot) ? boot : std::string_view();
}

}  // namespace ringgate
