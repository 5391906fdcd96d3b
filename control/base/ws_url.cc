#include "control/base/ws_url.h"

#include <algorithm>

#include "control/base/text.h"

namespace ringgate {
namespace {

// Schemes are the same in upper case (RFC 3986, section 3.1).
bool has_scheme(std::string_view text, std::string_view scheme) {
  return lower_case(text.substr(0, scheme.size())) == scheme;
}

bool has_port(std::string_view authority) {
  const std::size_t bracket = authority.rfind(']');  // the colons before it are the address's
  return authority.find(':', bracket == std::string_view::npos ? 0 : bracket) !=
         std::string_view::npos;
}

// What may stand in a request line. A fragment is for browsers only: RFC 6455 forbids it here.
bool is_request_target(std::string_view target) {
  return std::ranges::all_of(target, [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
}

}  // namespace

Result<WsUrl> parse_ws_url(std::string_view text) {
  constexpr std::string_view kPlain = "ws://";
  constexpr std::string_view kSecure = "wss://";
  const bool tls = has_scheme(text, kSecure);
  if (!tls && !has_scheme(text, kPlain)) {
    return usage_error("\"{}\" is no WebSocket URL; write ws://HOST:PORT/PATH", text);
  }
  const std::string_view rest = text.substr(tls ? kSecure.size() : kPlain.size());
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  const std::string_view target = rest.substr(authority.size());
  if (authority.empty()) {
    return usage_error("\"{}\" has no host and no port; write ws://HOST:PORT/PATH", text);
  }
  if (authority.find('@') != std::string_view::npos) {
    return usage_error("\"{}\": no user or password may stand before the host", text);
  }
  if (!is_request_target(target)) {
    return usage_error("\"{}\": write spaces, '#' and what is not ASCII in the path as %20, %23, …",
                       text);
  }
  std::string host_and_port(authority);
  if (!has_port(authority))
    host_and_port += ':' + std::to_string(tls ? kWssDefaultPort : kWsDefaultPort);
  Result<Endpoint> endpoint = parse_endpoint(host_and_port);
  if (!endpoint) return usage_error("\"{}\": {}", text, endpoint.error().message);
  WsUrl url{std::move(*endpoint), std::string(target), tls};
  if (!target.starts_with('/')) url.path.insert(0, 1, '/');
  return url;
}

}  // namespace ringgate
