#include "codec/ws_target.h"

#include <cstdint>
#include <optional>

#include "codec/percent.h"

namespace ringgate {
namespace {

bool is_unreserved(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~").find(c) != std::string_view::npos;
}

// In a path as it is.
bool is_path_byte(char c) noexcept {
  return is_unreserved(c) || std::string_view("/!$&'()*+,;=:@").find(c) != std::string_view::npos;
}

void append_encoded(std::string& to, char c) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const auto byte = static_cast<std::uint8_t>(c);
  to += '%';
  to += kDigits[byte >> 4U];
  to += kDigits[byte & 0x0fU];
}

}  // namespace

std::string_view path_of_target(std::string_view target) noexcept {
  const std::size_t scheme_end = target.find("://");
  if (!target.starts_with('/') && scheme_end != std::string_view::npos) {
    const std::size_t slash = target.find_first_of("/?", scheme_end + 3);
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  const std::string_view path = target.substr(0, target.find('?'));
  return path.empty() ? "/" : path;
}

std::string canonical_path(std::string_view path) {
  std::string canonical;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const std::optional<char> encoded = percent_byte(path.substr(i));
    const char byte = encoded.value_or(path[i]);
    if (encoded ? is_unreserved(byte) : is_path_byte(byte)) {
      canonical += byte;
    } else {
      append_encoded(canonical, byte);
    }
    if (encoded) i += 2;
  }
  return canonical;
}

bool path_matches(std::string_view wanted, std::string_view path) {
  const std::string asked = canonical_path(path);
  if (!wanted.ends_with("/*")) return asked == canonical_path(wanted);
  wanted.remove_suffix(1);
  return asked.starts_with(canonical_path(wanted));
}

}  // namespace ringgate
