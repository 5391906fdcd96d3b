#include "control/config/origin.h"

#include <algorithm>
#include <optional>

#include "control/base/address.h"
#include "control/base/text.h"

namespace ringgate {
namespace {

bool is_scheme(std::string_view scheme) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto is_part = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  };
  return !scheme.empty() && is_letter(scheme.front()) && std::ranges::all_of(scheme, is_part);
}

// Letters, digits, hyphens, underscores and dots; no empty label.
bool is_host_name(std::string_view host) {
  const bool known = std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
  return known && !host.empty() && !host.starts_with('.') && host.find("..") == host.npos;
}

// "[0:0::1]" is "[::1]" where it comes from a browser.
std::optional<std::string> canonical_ipv6(std::string_view host) {
  const std::string inner(host.substr(1, host.size() - 2));
  const auto address = numeric_address({inner, 0});
  if (!address || address->family() != AF_INET6 || inner.find('%') != inner.npos) {
    return std::nullopt;
  }
  const std::string printed = format_host(address->get());  // dots where it is v4-mapped
  if (printed.find(':') == printed.npos) return std::nullopt;
  return '[' + printed + ']';
}

struct Parts {
  std::string_view scheme;
  std::string_view host;  // with its brackets
  std::string_view port;  // after the colon
  bool has_port = false;
};

Parts split(std::string_view origin, std::size_t mark) {
  Parts parts;
  parts.scheme = origin.substr(0, mark);
  parts.host = origin.substr(mark + 3);
  const std::size_t bracket = parts.host.rfind(']');
  const std::size_t colon = parts.host.find(':', bracket == origin.npos ? 0 : bracket);
  if (colon == std::string_view::npos) return parts;
  parts.has_port = true;
  parts.port = parts.host.substr(colon + 1);
  parts.host = parts.host.substr(0, colon);
  return parts;
}

// ":8443", or "" for the scheme's own.
Result<std::string> canonical_port(std::string_view text, const Parts& parts) {
  if (!parts.has_port) return std::string();
  const auto port = parse_number(parts.port);
  if (!port || *port == 0 || *port > 65535) {
    return usage_error("\"{}\": its port has to be 1 to 65535", text);
  }
  const bool own =
      (parts.scheme == "https" && *port == 443) || (parts.scheme == "http" && *port == 80);
  return own ? std::string() : ':' + std::to_string(*port);
}

Result<std::string> canonical_host(std::string_view text, std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) {
    if (auto address = canonical_ipv6(host)) return *address;
    return usage_error("\"{}\": what is in the brackets is not an IPv6 address", text);
  }
  if (std::ranges::any_of(host, [](char c) { return (c & 0x80) != 0; })) {
    return usage_error("\"{}\": browsers send such a host in ASCII; write it as xn--…", text);
  }
  std::string_view name = host;
  if (name.starts_with("*.")) name.remove_prefix(2);
  if (name.find('*') != name.npos) {
    return usage_error(
        "\"{}\": a * stands for all below a domain, as in https://*.example.com, or alone for all "
        "origins",
        text);
  }
  if (!is_host_name(name)) return usage_error("\"{}\": \"{}\" is not a host", text, host);
  return std::string(host);
}

Result<void> check_scheme(std::string_view text, std::string_view scheme) {
  if (scheme == "ws" || scheme == "wss") {
    return usage_error("\"{}\" is no origin: that is where a page comes from, so write {}://…",
                       text, scheme == "ws" ? "http" : "https");
  }
  if (!is_scheme(scheme)) return usage_error("\"{}\": \"{}\" is not a scheme", text, scheme);
  return {};
}

}  // namespace

Result<std::string> parse_origin(std::string_view text) {
  std::string origin = lower_case(text);
  if (origin == "*" || origin == "null" || origin == "file://") return origin;
  const std::size_t mark = origin.find("://");
  if (mark == std::string::npos) {
    return usage_error(
        "\"{}\" has no scheme; write it as browsers do: https://host or https://host:port", text);
  }
  if (origin.ends_with('/') && origin.find('/', mark + 3) == origin.size() - 1) origin.pop_back();
  if (origin.find_first_of("/?#", mark + 3) != std::string::npos) {
    return usage_error("\"{}\": an origin has no path; remove what follows the host and port",
                       text);
  }
  if (origin.find('@', mark) != std::string::npos) {
    return usage_error("\"{}\": an origin has no user or password", text);
  }
  const Parts parts = split(origin, mark);
  if (auto checked = check_scheme(text, parts.scheme); !checked) {
    return std::unexpected(checked.error());
  }
  auto host = canonical_host(text, parts.host);
  if (!host) return host;
  auto port = canonical_port(text, parts);
  if (!port) return port;
  return std::string(parts.scheme) + "://" + *host + *port;
}

}  // namespace ringgate
