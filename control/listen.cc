#include "control/listen.h"

#include "control/config_values.h"
#include "control/ws_url.h"

namespace ringgate {

Result<ListenSpec> parse_websocket_listen(std::string_view text) {
  if (text.find("://") == text.npos) {
    const Result<Endpoint> endpoint = parse_endpoint(text);
    if (!endpoint) return std::unexpected(endpoint.error());
    return ListenSpec{*endpoint, Transport::kWebSocket};
  }
  const Result<WsUrl> url = parse_ws_url(text);
  if (!url) return std::unexpected(url.error());
  if (url->path.find('?') != std::string::npos) {
    return usage_error("\"{}\": a path to listen on has no query; remove what follows the ?", text);
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
