// The part of the upgrade that waits for a socket.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "services/client/ws_upgrade.h"

namespace ringgate::client {
namespace {

using SteadyClock = std::chrono::steady_clock;

// False when the time is up, or nothing can be waited for.
bool wait_for(int socket, short events, SteadyClock::time_point deadline) {
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - SteadyClock::now());
    pollfd waiting{socket, events, 0};
    const int ready = poll(&waiting, 1, std::max(0, static_cast<int>(left.count())));
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) return false;
  }
}

bool is_transient(int error) {
  return error == EAGAIN || error == EINTR;
}

Result<void> send_request(int socket, std::string_view request, SteadyClock::time_point deadline) {
  while (!request.empty()) {
    const ssize_t sent = send(socket, request.data(), request.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      request.remove_prefix(static_cast<std::size_t>(sent));
    } else if (!is_transient(errno)) {
      // Whatever was answered before the end says more than this.
      if (errno == EPIPE || errno == ECONNRESET) return {};
      return run_error("cannot send the WebSocket upgrade: {}", std::strerror(errno));
    } else if (!wait_for(socket, POLLOUT, deadline)) {
      return run_error("the gateway does not take the WebSocket upgrade");
    }
  }
  return {};
}

}  // namespace

Result<std::string> upgrade_to_ws(int socket, const WsUrl& url, int timeout_ms) {
  const SteadyClock::time_point deadline =
      SteadyClock::now() + std::chrono::milliseconds(timeout_ms);
  const std::string key = make_ws_key();
  const Result<void> sent = send_request(socket, upgrade_request(url, key), deadline);
  if (!sent) return std::unexpected(sent.error());
  std::string received;
  while (wait_for(socket, POLLIN, deadline)) {
    std::array<char, 4096> buffer;
    const ssize_t bytes = recv(socket, buffer.data(), buffer.size(), 0);
    if (bytes < 0 && is_transient(errno)) continue;
    if (bytes > 0) received.append(buffer.data(), static_cast<std::size_t>(bytes));
    const Result<std::size_t> response = read_upgrade_response(as_bytes(received), bytes <= 0, key);
    if (!response) return std::unexpected(response.error());
    if (*response > 0) return received.substr(*response);
  }
  return run_error("the gateway did not answer the WebSocket upgrade in time; check the port");
}

}  // namespace ringgate::client
