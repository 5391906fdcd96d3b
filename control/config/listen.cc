#include "control/config/listen.h"

#include <sys/un.h>

#include <algorithm>
#include <optional>

#include "control/base/text.h"
#include "control/base/ws_url.h"

namespace ringgate {
namespace {

constexpr std::size_t kMaxSocketPath = sizeof(sockaddr_un{}.sun_path) - 1;

struct Scheme {
  std::string_view name;
  Transport transport;
  bool tls;
};
constexpr Scheme kSchemes[] = {
    {"tcp", Transport::kTcp, false},
    {"tls", Transport::kTcp, true},
    {"ws", Transport::kWebSocket, false},
    {"wss", Transport::kWebSocket, true},
};
constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kWsUnix = "ws+unix:";

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

std::optional<bool> parse_required(std::string_view value) {
  if (value == "required") return true;
  if (value == "off") return false;
  return std::nullopt;
}

Result<void> take_option(std::string_view text, std::string_view option, ListenSpec& listen) {
  const std::size_t mark = std::min(option.find('='), option.size());
  const std::string_view name = option.substr(0, mark);
  const bool is_proxy = name == "proxy";
  if (!is_proxy && name != "client_cert") {
    return usage_error(
        "\"{}\": a path to listen on has no query; what may follow a ? is proxy=required or "
        "proxy=off, and of tls:// and wss:// client_cert=required or client_cert=off",
        text);
  }
  const auto value = parse_required(option.substr(std::min(mark + 1, option.size())));
  if (!value) return usage_error("\"{}\": {} takes required or off", text, name);
  if (!is_proxy && !listen.tls) {
    return usage_error("\"{}\": client_cert is of tls:// and wss:// only", text);
  }
  std::optional<bool>& place = is_proxy ? listen.proxy_header : listen.client_certificate;
  if (place) return usage_error("\"{}\": {} is there twice; remove one", text, name);
  place = value;
  return {};
}

Result<void> take_options(std::string_view text, std::string_view options, ListenSpec& listen) {
  while (!options.empty()) {
    const std::string_view option = options.substr(0, options.find('&'));
    if (auto taken = take_option(text, option, listen); !taken) return taken;
    options.remove_prefix(std::min(option.size() + 1, options.size()));
  }
  return {};
}

// `place` is what stands behind the scheme.
Result<ListenSpec> parse_websocket(std::string_view text, std::string_view place, bool tls) {
  const Result<WsUrl> url = parse_ws_url((tls ? "wss://" : "ws://") + std::string(place));
  if (!url) return usage_error("{}", url.error().message);
  if (auto checked = check_path(text, url->path); !checked) {
    return std::unexpected(checked.error());
  }
  ListenSpec listen{url->endpoint, Transport::kWebSocket, url->path};
  listen.tls = tls;
  return listen;
}

// The kernel takes only so much, and a relative path would move with the working directory.
Result<ListenSpec> parse_socket(std::string_view text, std::string_view socket,
                                std::string_view path) {
  if (!socket.starts_with('/') || socket.ends_with('/')) {
    return usage_error("\"{}\": write the whole path of the socket, as in unix:/run/ringgate.sock",
                       text);
  }
  if (socket.size() > kMaxSocketPath) {
    return usage_error("\"{}\": the path of a socket has at most {} bytes; choose a shorter one",
                       text, kMaxSocketPath);
  }
  if (auto checked = check_path(text, path); !checked) return std::unexpected(checked.error());
  ListenSpec listen;
  listen.socket = socket;
  listen.path = path;
  return listen;
}

Result<ListenSpec> parse_unix(std::string_view text, std::string_view place) {
  if (!lower_case(place).starts_with(kWsUnix)) {
    return parse_socket(text, place.substr(kUnix.size()), "/");
  }
  place.remove_prefix(kWsUnix.size());
  const std::size_t colon = std::min(place.find(":/"), place.size());
  const std::string_view path = place.substr(std::min(colon + 1, place.size()));
  auto listen = parse_socket(text, place.substr(0, colon), path.empty() ? "/" : path);
  if (listen) listen->transport = Transport::kWebSocket;
  return listen;
}

Result<ListenSpec> parse_place(std::string_view text, std::string_view place) {
  const std::string lower = lower_case(place);
  if (lower.starts_with(kUnix) || lower.starts_with(kWsUnix)) return parse_unix(text, place);
  const std::size_t mark = lower.find("://");
  const std::string name = mark == lower.npos ? "tcp" : lower.substr(0, mark);
  const auto* const scheme = std::ranges::find(kSchemes, name, &Scheme::name);
  if (scheme == std::ranges::end(kSchemes)) {
    return usage_error("\"{}\": unknown scheme {}; there are tcp, tls, ws, wss and unix:/path",
                       text, name);
  }
  const std::string_view rest = mark == lower.npos ? place : place.substr(mark + 3);
  if (scheme->transport == Transport::kWebSocket) {
    return parse_websocket(text, rest, scheme->tls);
  }
  const Result<Endpoint> endpoint = parse_endpoint(rest);
  if (!endpoint) return std::unexpected(endpoint.error());
  ListenSpec listen{*endpoint};
  listen.tls = scheme->tls;
  return listen;
}

bool is_same_place(const ListenSpec& one, const ListenSpec& other) {
  if (!one.socket.empty() || !other.socket.empty()) return one.socket == other.socket;
  return one.endpoint == other.endpoint && one.endpoint.port != 0;
}

}  // namespace

Result<ListenSpec> parse_websocket_listen(std::string_view text) {
  if (text.find("://") == text.npos) {
    const Result<Endpoint> endpoint = parse_endpoint(text);
    if (!endpoint) return std::unexpected(endpoint.error());
    return ListenSpec{*endpoint, Transport::kWebSocket};
  }
  auto listen = parse_listen(text);
  if (listen && (listen->transport != Transport::kWebSocket || listen->tls)) {
    return usage_error("\"{}\" is no WebSocket URL; write ws://HOST:PORT/PATH", text);
  }
  return listen;
}

Result<ListenSpec> parse_listen(std::string_view text) {
  const std::string_view place = text.substr(0, text.find('?'));
  auto listen = parse_place(text, place);
  if (!listen || place.size() == text.size()) return listen;
  if (auto taken = take_options(text, text.substr(place.size() + 1), *listen); !taken) {
    return std::unexpected(taken.error());
  }
  return listen;
}

std::string format_listen(const ListenSpec& listen) {
  const bool is_websocket = listen.transport == Transport::kWebSocket;
  std::string text;
  if (!listen.socket.empty()) {
    text.append(is_websocket ? kWsUnix : kUnix).append(listen.socket);
    if (is_websocket) text.append(":").append(listen.path);
  } else {
    const auto* const scheme = std::ranges::find_if(kSchemes, [&](const Scheme& one) {
      return one.transport == listen.transport && one.tls == listen.tls;
    });
    text.append(scheme->name).append("://").append(format_endpoint(listen.endpoint));
    if (is_websocket) text.append(listen.path);
  }
  const auto option = [&](const char* name, const std::optional<bool>& value) {
    if (!value) return;
    text.append(text.contains('?') ? "&" : "?").append(name);
    text.append(*value ? "=required" : "=off");
  };
  option("proxy", listen.proxy_header);
  option("client_cert", listen.client_certificate);
  return text;
}

Result<void> check_apart(std::span<const ListenSpec> others, const ListenSpec& one) {
  const auto twin = std::ranges::find_if(
      others, [&](const ListenSpec& other) { return is_same_place(other, one); });
  if (twin == others.end()) return {};
  const std::string place =
      one.socket.empty() ? format_endpoint(one.endpoint) : std::string(kUnix) + one.socket;
  if (!one.socket.empty() || one.transport != twin->transport || one.path == twin->path) {
    return usage_error("{} is there twice; remove one", place);
  }
  return usage_error("{} is there twice, and a port has one path; write ws://{}/* for any", place,
                     place);
}

}  // namespace ringgate
