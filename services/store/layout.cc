#include "services/store/layout.h"

#include <cstdint>

#include "codec/bytes.h"
#include "codec/names.h"

namespace ringgate {
namespace {

void append_text(std::string& to, std::string_view text) {
  const auto bytes = static_cast<std::uint16_t>(text.size());
  to.push_back(static_cast<char>(bytes >> 8U));
  to.push_back(static_cast<char>(bytes & 0xFFU));
  to.append(text.substr(0, bytes));
}

bool take_text(std::string_view& from, std::string& text) {
  if (from.size() < sizeof(std::uint16_t)) return false;
  const std::size_t bytes = load_be<std::uint16_t>(as_bytes(from).data());
  from.remove_prefix(sizeof(std::uint16_t));
  if (from.size() < bytes) return false;
  text = from.substr(0, bytes);
  from.remove_prefix(bytes);
  return true;
}

}  // namespace

std::string session_key(std::string_view channel_id) {
  std::string key(kSessionPrefix);
  return key.append(channel_id);
}

std::string location_key(std::string_view account, std::string_view app,
                         std::string_view default_app) {
  std::string key(kLocationPrefix);
  if (!app.empty() && app != default_app) key.append(app).push_back(',');
  return key.append(account);
}

std::string encode_location(const Location& location) {
  std::string bytes;
  bytes.reserve(location.channel_id.size() + location.gateway_id.size() + 4);
  append_text(bytes, location.channel_id);
  append_text(bytes, location.gateway_id);
  return bytes;
}

std::optional<Location> decode_location(std::string_view bytes) {
  Location location;
  if (!take_text(bytes, location.channel_id) || !take_text(bytes, location.gateway_id) ||
      !bytes.empty()) {
    return std::nullopt;
  }
  if (!is_valid_foreign_id(location.channel_id) || !is_valid_foreign_id(location.gateway_id)) {
    return std::nullopt;
  }
  return location;
}

}  // namespace ringgate
