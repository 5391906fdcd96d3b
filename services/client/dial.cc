#include "services/client/dial.h"

#include <string>
#include <utility>

#include "control/base/text.h"
#include "services/client/socket.h"
#include "services/client/ws_transport.h"
#include "services/client/ws_upgrade.h"

namespace ringgate::client {
namespace {

constexpr int kConnectTimeoutMs = 5000;
constexpr int kHandshakeTimeoutMs = 10'000;
constexpr int kUpgradeTimeoutMs = 10'000;

// Of a `ringgate dev` that would listen there.
std::string_view flags_of(const Target& target) {
  if (target.tls) return target.websocket ? "--tls --wss" : "--tls --tls-tcp";
  return target.websocket ? "--ws" : "--tcp";
}

Result<Stream> connect(const Target& target, tls::ClientSettings settings) {
  Result<UniqueFd> socket = connect_to(target.url.endpoint, kConnectTimeoutMs, flags_of(target));
  if (!socket) return std::unexpected(socket.error());
  if (!target.tls) return Stream(std::move(*socket));
  settings.is_http = target.websocket;
  const Result<tls::ContextPtr> context = tls::new_client_context(settings);
  if (!context) return std::unexpected(context.error());
  auto tls = tls::ClientStream::begin(context->get(), target.url.endpoint, settings.names);
  if (!tls) return std::unexpected(tls.error());
  return Stream::secure(std::move(*socket), std::move(*tls), kHandshakeTimeoutMs);
}

}  // namespace

Result<Target> parse_target(std::string_view text) {
  const std::string lower = lower_case(text);
  Target target;
  target.tls = lower.starts_with("tls://") || lower.starts_with("wss://");
  target.websocket = lower.starts_with("ws://") || lower.starts_with("wss://");
  if (target.websocket) {
    Result<WsUrl> url = parse_ws_url(text);
    if (!url) return std::unexpected(url.error());
    target.url = std::move(*url);
  } else {
    if (!target.tls && !lower.starts_with("tcp://")) {
      return usage_error(
          "\"{}\" is no address of a gateway; write tcp://HOST:PORT, tls://HOST:PORT, "
          "ws://HOST:PORT/PATH or wss://HOST:PORT/PATH",
          text);
    }
    Result<Endpoint> endpoint = parse_endpoint(text.substr(text.find("://") + 3));
    if (!endpoint) return std::unexpected(endpoint.error());
    target.url.endpoint = std::move(*endpoint);
  }
  if (target.websocket && target.url.endpoint.host.empty()) {
    return usage_error("\"{}\" has no host; write ws://HOST:PORT/PATH", text);
  }
  return target;
}

Result<Dialled> dial(const Target& target, tls::ClientSettings settings) {
  Result<Stream> stream = connect(target, std::move(settings));
  if (!stream) return std::unexpected(stream.error());
  if (!target.websocket) return Dialled{std::move(*stream), make_tcp_transport()};
  const Result<std::string> rest = upgrade_to_ws(*stream, target.url, kUpgradeTimeoutMs);
  if (!rest) return std::unexpected(rest.error());
  return Dialled{std::move(*stream), make_ws_transport(*rest)};
}

}  // namespace ringgate::client
