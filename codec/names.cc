#include "codec/names.h"

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

}  // namespace ringgate
