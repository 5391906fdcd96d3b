#include "control/http/stream.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace ringgate::http {
namespace {

constexpr std::size_t kSealedBytes = 16 * 1024;  // read at once
constexpr std::size_t kWriteBytes = 16 * 1024;   // sealed at once: a record

std::optional<ssize_t> send_now(int socket, std::string_view bytes) {
  for (;;) {
    const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return sent;
    if (errno == EAGAIN) return -1;
    if (errno != EINTR) return std::nullopt;
  }
}

template <class From>
void take(From& from, std::string& to) {
  const std::size_t before = to.size();
  to.resize(before + from.output_bytes());
  from.take_output({reinterpret_cast<std::uint8_t*>(to.data()) + before, to.size() - before});
}

}  // namespace

// Without memory for a handshake it is broken from the start.
Stream::Stream(UniqueFd socket, const TlsContext& context) : socket_(std::move(socket)) {
  if (!context) return;
  handshake_ = TlsHandshake::begin(context);
  if (handshake_ == nullptr) shutdown(socket_.get(), SHUT_RDWR);
}

std::optional<ssize_t> Stream::read_raw(MutableBytes to) const {
  for (;;) {
    const ssize_t got = recv(socket_.get(), to.data(), to.size(), MSG_DONTWAIT);
    if (got >= 0) return got;
    if (errno == EAGAIN) return -1;
    if (errno != EINTR) return std::nullopt;
  }
}

std::optional<ssize_t> Stream::read(MutableBytes to) {
  if (handshake_ == nullptr && session_ == nullptr) return read_raw(to);
  for (;;) {
    if (session_ != nullptr) {
      std::size_t bytes = 0;
      const TlsSession::Read read = session_->read(to, bytes);
      if (read == TlsSession::Read::kData) return static_cast<ssize_t>(bytes);
      if (read == TlsSession::Read::kEnd) return 0;
      if (read == TlsSession::Read::kFailed) return std::nullopt;
    }
    std::array<std::uint8_t, kSealedBytes> sealed;
    const std::optional<ssize_t> got = read_raw(sealed);
    if (!got || *got <= 0) return got;
    if (!take_sealed(ByteView(sealed).first(static_cast<std::size_t>(*got)))) return std::nullopt;
  }
}

bool Stream::take_sealed(ByteView sealed) {
  const bool good = session_ != nullptr ? session_->feed(sealed) : shake_hands(sealed);
  take_output();
  return flush() && good;
}

// OpenSSL goes on with the records, too: a page is not worth more.
bool Stream::shake_hands(ByteView sealed) {
  const TlsStatus status = handshake_->step(sealed);
  if (status == TlsStatus::kNeedMore) return true;
  take_output();
  if (status == TlsStatus::kFailed) return false;
  session_ = std::make_unique<TlsSession>(handshake_->release());
  handshake_.reset();
  return true;
}

void Stream::take_output() {
  if (session_ != nullptr) take(*session_, output_);
  if (handshake_ != nullptr) take(*handshake_, output_);
}

std::optional<ssize_t> Stream::write(std::string_view bytes) {
  if (session_ == nullptr) {
    return handshake_ == nullptr ? send_now(socket_.get(), bytes) : std::nullopt;
  }
  if (!flush()) return std::nullopt;
  if (has_output()) return -1;
  const std::string_view part = bytes.substr(0, kWriteBytes);
  if (!session_->write(as_bytes(part))) return std::nullopt;
  take_output();
  if (!flush()) return std::nullopt;
  return static_cast<ssize_t>(part.size());
}

bool Stream::flush() {
  while (has_output()) {
    const std::optional<ssize_t> sent = send_now(socket_.get(), output_);
    if (!sent) return false;
    if (*sent <= 0) return true;
    output_.erase(0, static_cast<std::size_t>(*sent));
  }
  return true;
}

void Stream::end() {
  if (session_ != nullptr) {
    session_->close();
    take_output();
    static_cast<void>(flush());
  }
  shutdown(socket_.get(), SHUT_WR);
}

}  // namespace ringgate::http
