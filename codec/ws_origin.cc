#include "codec/ws_origin.h"

#include <algorithm>
#include <utility>

#include "codec/ignoring_case.h"

namespace ringgate {
namespace {

bool starts_with(std::string_view text, std::string_view start) noexcept {
  return equals_ignoring_case(text.substr(0, start.size()), start);
}

bool ends_with(std::string_view text, std::string_view end) noexcept {
  return text.size() >= end.size() &&
         equals_ignoring_case(text.substr(text.size() - end.size()), end);
}

// The scheme's own port is never written by a browser, but by others it may be.
std::string_view without_default_port(std::string_view origin) noexcept {
  for (const auto& [scheme, port] :
       {std::pair<std::string_view, std::string_view>{"https:", ":443"}, {"http:", ":80"}}) {
    if (starts_with(origin, scheme) && origin.ends_with(port)) {
      origin.remove_suffix(port.size());
      return origin;
    }
  }
  return origin;
}

// Of labels below a domain: letters, digits, hyphens, underscores, dots.
bool is_subdomain(std::string_view labels) noexcept {
  return !labels.empty() && labels.front() != '.' && std::ranges::all_of(labels, [](char c) {
    const char letter = lower_case(c);
    return (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
}

}  // namespace

bool origin_matches(std::string_view entry, std::string_view origin) noexcept {
  if (entry == "*") return true;
  entry = without_default_port(entry);
  origin = without_default_port(origin);
  constexpr std::string_view kBelow = "://*.";
  const std::size_t mark = entry.find(kBelow);
  if (mark == std::string_view::npos) return equals_ignoring_case(entry, origin);
  const std::string_view scheme = entry.substr(0, mark + 3);        // https://
  const std::string_view domain = entry.substr(scheme.size() + 1);  // .a.example:8443
  if (!starts_with(origin, scheme) || !ends_with(origin, domain)) return false;
  if (origin.size() < scheme.size() + domain.size()) return false;
  return is_subdomain(origin.substr(scheme.size(), origin.size() - scheme.size() - domain.size()));
}

}  // namespace ringgate
