// The part of the upgrade that waits for a socket.
#include <poll.h>

#include "services/client/ws_upgrade.h"

namespace ringgate::client {
namespace {

Result<void> send_request(Stream& stream, std::string_view request, std::int64_t deadline_ms) {
  while (!request.empty() || stream.wants_to_send()) {
    Stream::Step step{.status = Stream::Status::kWait};
    stream.flush();
    if (!request.empty()) step = stream.send(as_bytes(request));
    request.remove_prefix(step.bytes);
    if (step.status == Stream::Status::kEnd) return {};  // an answer may have come before it
    if (step.status == Stream::Status::kFailed) {
      return run_error("cannot send the WebSocket upgrade: {}", step.problem);
    }
    if (step.status == Stream::Status::kWait && (!request.empty() || stream.wants_to_send()) &&
        !wait_for(stream.fd(), POLLOUT, deadline_ms)) {
      return run_error("the gateway does not take the WebSocket upgrade");
    }
  }
  return {};
}

}  // namespace

Result<std::string> upgrade_to_ws(Stream& stream, const WsUrl& url, int timeout_ms) {
  const std::int64_t deadline_ms = steady_ms() + timeout_ms;
  const std::string key = make_ws_key();
  const Result<void> sent = send_request(stream, upgrade_request(url, key), deadline_ms);
  if (!sent) return std::unexpected(sent.error());
  std::string received;
  while (wait_for(stream.fd(), POLLIN, deadline_ms)) {
    const Stream::Step step =
        stream.receive([&](ByteView bytes) { received.append(as_text(bytes)); });
    if (step.status == Stream::Status::kWait) continue;
    // A refusal by TLS comes after its handshake; what HTTP said says more than an end.
    if (step.status == Stream::Status::kFailed && received.empty()) {
      return run_error("{}", step.problem);
    }
    const bool ended = step.status != Stream::Status::kDone;
    const Result<std::size_t> response = read_upgrade_response(as_bytes(received), ended, key);
    if (!response) return std::unexpected(response.error());
    if (*response > 0) return received.substr(*response);
  }
  return run_error("the gateway did not answer the WebSocket upgrade in time; check the port");
}

}  // namespace ringgate::client
