#include "services/top/http_get.h"

#include <fmt/format.h>
#include <poll.h>

#include <optional>
#include <utility>

#include "codec/bytes.h"
#include "control/base/text.h"
#include "control/tls/client_context.h"
#include "services/client/socket.h"
#include "services/client/stream.h"

namespace ringgate::top {
namespace {

constexpr int kConnectMs = 3000;
constexpr int kAnswerMs = 5000;  // a gateway waits for its shards for two seconds
constexpr std::size_t kMostBytes = std::size_t{16} * 1024 * 1024;
constexpr std::string_view kEndOfHead = "\r\n\r\n";
// An admin port wants no certificate of those who ask: we have no options for one.
constexpr tls::ClientSettings::Names kNames = {
    .certificate = {}, .key = {}, .no_tls = "check the port, or write HOST:PORT or http://"};

Result<client::Stream> connect(const AdminPort& port) {
  Result<UniqueFd> socket =
      client::connect_to(port.at, kConnectMs, port.tls ? "--tls --admin" : "--admin");
  if (!socket) return std::unexpected(socket.error());
  if (!port.tls) return client::Stream(std::move(*socket));
  tls::ClientSettings settings = port.settings;
  settings.is_http = true;
  settings.names = kNames;
  const Result<tls::ContextPtr> context = tls::new_client_context(settings);
  if (!context) return std::unexpected(context.error());
  auto tls = tls::ClientStream::begin(context->get(), port.at, settings.names);
  if (!tls) return std::unexpected(tls.error());
  return client::Stream::secure(std::move(*socket), std::move(*tls), kConnectMs);
}

std::string request_of(const AdminPort& port, const std::string& path) {
  std::string text = fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", path,
                                 format_endpoint(port.at));
  if (!port.token.empty()) text += "Authorization: Bearer " + port.token + "\r\n";
  return text + "\r\n";
}

Result<void> send_all(client::Stream& stream, std::string_view text, std::int64_t deadline_ms) {
  while (!text.empty() || stream.wants_to_send()) {
    client::Stream::Step step;
    if (text.empty()) {
      stream.flush();
    } else {
      step = stream.send(as_bytes(text));
      text.remove_prefix(step.bytes);
    }
    if (step.status == client::Stream::Status::kFailed) return run_error("{}", step.problem);
    if (step.status == client::Stream::Status::kEnd) return {};  // the answer says why
    const bool waits = step.status == client::Stream::Status::kWait || stream.wants_to_send();
    if (waits && !client::wait_for(stream.fd(), POLLOUT, deadline_ms)) {
      return run_error("the gateway takes no request");
    }
  }
  return {};
}

// An answer ends its connection.
Result<std::string> receive_all(client::Stream& stream, std::int64_t deadline_ms) {
  std::string all;
  while (true) {
    if (!client::wait_for(stream.fd(), POLLIN, deadline_ms)) {
      return run_error("the gateway did not answer in time");
    }
    const client::Stream::Step step =
        stream.receive([&all](ByteView bytes) { all += as_text(bytes); });
    if (all.size() > kMostBytes) return run_error("the answer has no end");
    if (step.status == client::Stream::Status::kEnd) return all;
    if (step.status == client::Stream::Status::kFailed) return run_error("{}", step.problem);
  }
}

Result<std::string> body_of(std::string_view answer) {
  const std::size_t end = answer.find(kEndOfHead);
  if (!answer.starts_with("HTTP/1.") || end == answer.npos) {
    return run_error("what answers there is no admin port");
  }
  const std::string_view body = answer.substr(end + kEndOfHead.size());
  const std::string_view status = answer.substr(answer.find(' ') + 1, 3);
  if (status == "200") return std::string(body);
  const std::string why = printable(trim(body.substr(0, body.find('\n'))));
  if (status == "404") return run_error("there is no status: {}; name a gateway's AdminPort", why);
  return run_error("answered with {}: {}", status, why);
}

}  // namespace

Result<AdminPort> parse_admin_port(std::string_view text) {
  const std::string lower = lower_case(text);
  AdminPort port;
  port.tls = lower.starts_with("https://");
  if (port.tls || lower.starts_with("http://")) text.remove_prefix(text.find("://") + 3);
  if (text.contains("://")) {
    return usage_error(
        "\"{}\" is no address of an admin port; write HOST:PORT, http://HOST:PORT or "
        "https://HOST:PORT",
        printable(text));
  }
  if (text.ends_with('/')) text.remove_suffix(1);
  Result<Endpoint> at = parse_endpoint(text);
  if (!at) return std::unexpected(at.error());
  if (at->port == 0) return usage_error("port 0 cannot be dialled");
  if (at->host.empty()) at->host = "127.0.0.1";
  port.at = std::move(*at);
  return port;
}

Result<std::string> http_get(const AdminPort& port, const std::string& path) {
  Result<client::Stream> stream = connect(port);
  if (!stream) return std::unexpected(stream.error());
  const std::int64_t deadline_ms = client::steady_ms() + kAnswerMs;
  if (auto sent = send_all(*stream, request_of(port, path), deadline_ms); !sent) {
    return std::unexpected(sent.error());
  }
  Result<std::string> answer = receive_all(*stream, deadline_ms);
  if (!answer) return answer;
  return body_of(*answer);
}

}  // namespace ringgate::top
