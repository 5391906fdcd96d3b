// What the connections of a run begin TLS with.
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "benchmarks/ringbench/client_tls.h"
#include "control/base/dial_order.h"
#include "services/client/stream.h"

namespace ringgate::bench {
namespace {

constexpr std::chrono::seconds kConnectLimit{5};
constexpr int kHandshakeLimitMs = 5000;
constexpr std::int64_t kTicketLimitMs = 2000;

Result<UniqueFd> connect_once(const Target& target) {
  FirstConnected first =
      connect_first({SocketAddress{target.address.storage, target.address.bytes}}, kConnectLimit);
  if (first.fd) return std::move(first.fd);
  return fail(
      fmt::format("cannot connect to {}: {}", target.text,
                  first.error == ECONNREFUSED ? kNobodyOverTlsText : std::strerror(first.error)));
}

}  // namespace

Result<TlsStart> make_tls_start(const Options& options) {
  if (!options.target.tls) return TlsStart{};
  tls::ClientSettings settings = options.tls;
  settings.is_http = options.target.transport == Transport::kWebSocket;
  auto context = tls::new_client_context(settings);
  if (!context) return std::unexpected(context.error());
  return TlsStart{std::move(*context), options.target.endpoint, {}};
}

Result<std::string> fetch_session(const TlsStart& start, const Options& options) {
  Result<UniqueFd> socket = connect_once(options.target);
  if (!socket) return std::unexpected(socket.error());
  auto tls = tls::ClientStream::begin(start.context.get(), start.server, {});
  if (!tls) return std::unexpected(tls.error());
  tls::ClientStream& session = **tls;
  auto stream = client::Stream::secure(std::move(*socket), std::move(*tls), kHandshakeLimitMs);
  if (!stream) return std::unexpected(stream.error());
  const std::int64_t deadline_ms = client::steady_ms() + kTicketLimitMs;
  // It is the stream's, and does not move with it.
  while (session.session().empty()) {
    if (!client::wait_for(stream->fd(), POLLIN, deadline_ms)) break;
    const client::Stream::Step step = stream->receive([](ByteView) {});
    if (step.status == client::Stream::Status::kFailed) return fail(step.problem);
    if (step.status == client::Stream::Status::kEnd) {
      return fail(fmt::format(
          "{} closed the connection that --tls-resume was to have a session from: see its log",
          options.target.text));
    }
  }
  if (std::string got = session.session(); !got.empty()) return got;
  return fail(fmt::format("{} gives no session that could be resumed: leave out --tls-resume",
                          options.target.text));
}

}  // namespace ringgate::bench
