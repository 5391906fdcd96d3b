#include "codec/tls/key_log.h"

#include <cstdint>

namespace ringgate::tls {
namespace {

constexpr std::string_view kOfClient = "CLIENT_TRAFFIC_SECRET_0 ";
constexpr std::string_view kOfServer = "SERVER_TRAFFIC_SECRET_0 ";

std::optional<std::uint8_t> digit_of(char c) noexcept {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

}  // namespace

std::optional<LoggedSecret> traffic_secret_in(std::string_view line) noexcept {
  const bool is_of_server = line.starts_with(kOfServer);
  if (!is_of_server && !line.starts_with(kOfClient)) return std::nullopt;
  return LoggedSecret{is_of_server, line.substr(line.rfind(' ') + 1)};
}

std::size_t read_hex(std::string_view hex, MutableBytes to) noexcept {
  if (hex.size() % 2 != 0 || hex.size() / 2 > to.size()) return 0;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const auto high = digit_of(hex[i]);
    const auto low = digit_of(hex[i + 1]);
    if (!high || !low) return 0;
    to[i / 2] = static_cast<std::uint8_t>(*high << 4U | *low);
  }
  return hex.size() / 2;
}

}  // namespace ringgate::tls
