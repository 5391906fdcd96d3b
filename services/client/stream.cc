#include "services/client/stream.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstring>

namespace ringgate::client {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{16} * 1024;
constexpr std::size_t kMaxSealedBytes = 4 * kBufferBytes;  // more is taken once it has left

Stream::Step after_failure(int error) {
  if (error == EAGAIN || error == EINTR) return {.status = Stream::Status::kWait};
  // What was sent before the end says more than this.
  if (error == EPIPE || error == ECONNRESET) {
    return {.status = Stream::Status::kEnd, .problem = std::strerror(error)};
  }
  return {.status = Stream::Status::kFailed, .problem = std::strerror(error)};
}

}  // namespace

std::int64_t steady_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

bool wait_for(int socket, short events, std::int64_t deadline_ms) {
  while (true) {
    const std::int64_t left = std::clamp<std::int64_t>(deadline_ms - steady_ms(), 0, INT_MAX);
    pollfd waiting{socket, events, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(left));
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) return false;
  }
}

Result<Stream> Stream::secure(UniqueFd socket, std::unique_ptr<tls::ClientStream> tls,
                              int timeout_ms) {
  const std::int64_t deadline_ms = steady_ms() + timeout_ms;
  Stream made(std::move(socket));
  made.tls_ = std::move(tls);
  made.tls_->append_output(made.sealed_);
  while (true) {
    made.flush();
    if (made.tls_->is_ready()) return made;
    const auto events = static_cast<short>(made.wants_to_send() ? POLLIN | POLLOUT : POLLIN);
    if (!wait_for(made.fd(), events, deadline_ms)) {
      return run_error(
          "the TLS handshake was not answered in time; check that this port speaks TLS, and if it "
          "does, its load and its log");
    }
    const Step step = made.receive([](ByteView) {});
    if (step.status == Status::kFailed) return run_error("{}", step.problem);
    if (step.status == Status::kEnd) return std::unexpected(made.tls_->cut_off());
  }
}

Stream::Step Stream::receive(const Take& take) {
  std::array<std::uint8_t, kBufferBytes> buffer;
  const ssize_t received = recv(fd(), buffer.data(), buffer.size(), 0);
  if (received == 0) return {.status = Status::kEnd};
  if (received < 0) {
    Step step = after_failure(errno);
    const bool is_cut_off = tls_ != nullptr && !tls_->is_ready();
    if (step.status == Status::kEnd && !is_cut_off) step.status = Status::kFailed;
    return step;
  }
  const ByteView bytes(buffer.data(), static_cast<std::size_t>(received));
  if (tls_ != nullptr) return open(bytes, take);
  take(bytes);
  return {};
}

Stream::Step Stream::open(ByteView sealed, const Take& take) {
  std::array<std::uint8_t, kBufferBytes> buffer;
  Result<void> fed = tls_->feed(sealed);
  Result<std::size_t> bytes = 0U;
  while (fed) {
    bytes = tls_->read(buffer);
    if (!bytes || *bytes == 0) break;
    take(ByteView(buffer).first(*bytes));
  }
  tls_->append_output(sealed_);  // an alert, too
  flush();
  if (!fed) return {.status = Status::kFailed, .problem = fed.error().message};
  if (!bytes) return {.status = Status::kFailed, .problem = bytes.error().message};
  return {.status = tls_->has_ended() ? Status::kEnd : Status::kDone};
}

Stream::Step Stream::send(ByteView bytes) {
  if (tls_ == nullptr) return send_plain(bytes);
  flush();
  if (sealed_.size() >= kMaxSealedBytes) return {.status = Status::kWait};
  const ByteView part = bytes.first(std::min(bytes.size(), kBufferBytes));
  if (const Result<void> sealed = tls_->write(part); !sealed) {
    return {.status = Status::kFailed, .problem = sealed.error().message};
  }
  tls_->append_output(sealed_);
  flush();
  return {.bytes = part.size()};
}

Stream::Step Stream::send_plain(ByteView bytes) const {
  const ssize_t sent = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent < 0) return after_failure(errno);
  return {.bytes = static_cast<std::size_t>(sent)};
}

void Stream::flush() {
  while (!sealed_.empty()) {
    const Step step = send_plain(as_bytes(sealed_));
    if (step.status == Status::kWait) return;
    // Nobody reads the rest; what the peer sent before is still to be read.
    sealed_.erase(0, step.status == Status::kDone ? step.bytes : sealed_.size());
  }
}

void Stream::close() {
  if (tls_ == nullptr) return;
  tls_->close();
  tls_->append_output(sealed_);
  flush();
}

}  // namespace ringgate::client
