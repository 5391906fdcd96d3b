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

std::string_view shared_app(std::string_view app, std::string_view default_app) noexcept {
  return app.empty() || default_app == kEveryApp ? default_app : app;
}

std::string location_key(std::string_view account, std::string_view app,
                         std::string_view default_app) {
  std::string key(kLocationPrefix);
  const std::string_view shared = shared_app(app, default_app);
  if (shared != default_app) key.append(shared).push_back(',');
  return key.append(account);
}

std::string boot_key(std::string_view gateway_id, std::string_view boot) {
  std::string key(kBootPrefix);
  return key.append(gateway_id).append(",").append(boot);
}

std::optional<std::string> boot_key_of(const Location& location) {
  const std::string_view boot = boot_of_channel(location.channel_id, location.gateway_id);
  if (boot.empty()) return std::nullopt;
  return boot_key(location.gateway_id, boot);
}

bool calls_roll(std::string_view channel_id) {
  return !boot_of_channel(channel_id, channel_id.substr(0, channel_id.find('_'))).empty();
}

bool has_names_for_keys(const pkt::Session& session) {
  return is_valid_account(session.account()) &&
         (session.app().empty() || is_valid_app(session.app()));
}

std::string encode_location(const Location& location) {
  std::string bytes;
  bytes.reserve(location.channel_id.size() + location.gateway_id.size() + 4);
  append_text(bytes, location.channel_id);
  append_text(bytes, location.gateway_id);
  return bytes;
}

std::string location_start(std::string_view channel_id) {
  std::string bytes;
  append_text(bytes, channel_id);
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
