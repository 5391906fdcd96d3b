#include "control/config/listen.h"

#include "control/base/text.h"
#include "control/base/ws_url.h"

namespace ringgate {
namespace {

// Dots between slashes are taken out by whoever resolves a URL (RFC 3986, section 5.2.4).
bool has_dot_segment(std::string_view path) {
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::string_view segment = path.substr(0, path.find('/'));
    if (segment == "." || segment == "..") return true;
    path.remove_prefix(segment.size());
  }
  return false;
}

// What no request could ever ask for is refused.
Result<void> check_path(std::string_view text, std::string_view path) {
  if (path.find('?') != path.npos) {
    return usage_error("\"{}\": a path to listen on has no query; remove what follows the ?", text);
  }
  const std::size_t star = path.find('*');
  if (star != path.npos && !(star + 1 == path.size() && path.ends_with("/*"))) {
    return usage_error(
        "\"{}\": a * may only be all that follows the last slash: /* is any path, /chat/* any "
        "below "
        "/chat/",
        text);
  }
  if (has_dot_segment(path)) {
    return usage_error("\"{}\": no client sends a path with . or .. in it; write what it means",
                       text);
  }
  return {};
}

}  // namespace

Result<ListenSpec> parse_websocket_listen(std::string_view text) {
  if (text.find("://") == text.npos) {
    const Result<Endpoint> endpoint = parse_endpoint(text);
    if (!endpoint) return std::unexpected(endpoint.error());
    return ListenSpec{*endpoint, Transport::kWebSocket};
  }
  const Result<WsUrl> url = parse_ws_url(text);
  if (!url) return std::unexpected(url.error());
  if (auto checked = check_path(text, url->path); !checked) {
    return std::unexpected(checked.error());
  }
  return ListenSpec{url->endpoint, Transport::kWebSocket, url->path};
}

Result<ListenSpec> parse_listen(std::string_view text) {
  const std::size_t mark = text.find("://");
  const std::string scheme = mark == text.npos ? "tcp" : lower_case(text.substr(0, mark));
  if (scheme == "ws") return parse_websocket_listen(text);
  if (scheme == "wss") {
    return usage_error(
        "\"{}\": TLS is not spoken here; listen on ws:// and put a TLS proxy in front", text);
  }
  if (scheme != "tcp") {
    return usage_error("\"{}\": unknown scheme {}; there are tcp and ws", text, scheme);
  }
  const Result<Endpoint> endpoint =
      parse_endpoint(mark == text.npos ? text : text.substr(mark + 3));
  if (!endpoint) return std::unexpected(endpoint.error());
  return ListenSpec{*endpoint};
}

}  // namespace ringgate
