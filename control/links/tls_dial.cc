#include "control/links/tls_dial.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "codec/check.h"
#include "codec/tls/cipher.h"
#include "dataplane/tls_state.h"

namespace ringgate {
namespace {

constexpr std::size_t kMaxReadBytes = 16 * 1024;  // at once; the loop comes back for more
// A chain of certificates and whatever a service pushes at once fit.
constexpr std::size_t kMaxRestBytes = std::size_t{1} << 20U;

void set_blocking(int fd, bool blocking) {
  const int flags = fcntl(fd, F_GETFL);
  fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

Result<tls::Records> records_of(const tls::ClientStream::Secrets& secrets) {
  const std::optional<tls::Suite> suite = tls::suite_of(secrets.suite);
  if (secrets.bytes == 0 || !suite) return run_error("it does not speak TLS 1.3");
  auto schedule = tls::KeySchedule::create();
  if (!schedule) return std::unexpected(schedule.error());
  return tls::Records::create(*schedule, {.suite = *suite,
                                          .peer = tls::Peer::kServer,
                                          .read = ByteView(secrets.read).first(secrets.bytes),
                                          .write = ByteView(secrets.write).first(secrets.bytes)});
}

Result<std::string> seal(tls::Records& records, std::string_view plain) {
  auto cipher = tls::Cipher::create();
  if (!cipher) return std::unexpected(cipher.error());
  std::string sealed(records.data_bytes(plain.size()), '\0');
  const ByteView parts[] = {as_bytes(plain)};
  if (records.write_data(reinterpret_cast<std::uint8_t*>(sealed.data()), *cipher, parts) ==
      nullptr) {
    return run_error("OpenSSL cannot seal what is said first");
  }
  return sealed;
}

}  // namespace

TlsDial::TlsDial(ControlLoop& loop, UniqueFd fd, std::unique_ptr<tls::ClientStream> stream,
                 std::string greeting, Done done)
    : loop_(loop),
      fd_(std::move(fd)),
      stream_(std::move(stream)),
      greeting_(std::move(greeting)),
      done_(std::move(done)) {}

TlsDial::~TlsDial() {
  stop();
}

void TlsDial::start(std::chrono::milliseconds timeout) {
  set_blocking(fd_.get(), false);
  timer_ = loop_.after(timeout, [this] {
    timer_ = 0;
    fail(Error{"no answer to the TLS handshake within the dial timeout"});
  });
  stream_->append_output(output_);
  flush();
}

void TlsDial::stop() {
  loop_.cancel(std::exchange(timer_, 0));
  loop_.cancel(std::exchange(grace_timer_, 0));
  if (fd_) loop_.unwatch(fd_.get());
}

// What cannot be sent now waits for room; else the peer's bytes are waited for.
void TlsDial::flush() {
  while (!output_.empty()) {
    const ssize_t sent = send(fd_.get(), output_.data(), output_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) break;  // a broken one tells when it is read
    output_.erase(0, static_cast<std::size_t>(sent));
  }
  const bool waits = !output_.empty() && errno == EAGAIN;
  loop_.unwatch(fd_.get());
  loop_.watch(fd_.get(), waits ? ControlLoop::Until::kEither : ControlLoop::Until::kReadable,
              [this] { on_ready(); });
}

void TlsDial::on_ready() {
  std::array<std::uint8_t, kMaxReadBytes> bytes;
  const ssize_t got = recv(fd_.get(), bytes.data(), bytes.size(), 0);
  if (got > 0) {
    on_bytes(ByteView(bytes).first(static_cast<std::size_t>(got)));
  } else if (got == 0) {
    fail(records_ ? Error{"it closed the connection right behind the TLS handshake"}
                  : stream_->cut_off());
  } else if (errno == EAGAIN || errno == EINTR) {
    flush();
  } else {
    fail(Error{std::strerror(errno)});
  }
}

void TlsDial::on_bytes(ByteView bytes) {
  Result<void> good = stream_->feed(bytes);
  stream_->append_output(output_);
  if (good && records_) rest_.insert(rest_.end(), bytes.begin(), bytes.end());
  if (good && !records_ && stream_->is_ready()) good = handshake_done();
  if (good && records_) good = look_at_rest();
  if (!good) {
    flush();  // an alert, as far as it goes
    fail(good.error());
  } else if (records_ && whole_tls_records(rest_) > 0) {
    succeed();
  } else {
    flush();
  }
}

// OpenSSL goes on beside our records until the server's first one has been read: it says best what
// an alert means.
Result<void> TlsDial::handshake_done() {
  Result<tls::Records> records = records_of(stream_->secrets());
  if (!records) return std::unexpected(records.error());
  Result<std::string> sealed = seal(*records, greeting_);
  if (!sealed) return std::unexpected(sealed.error());
  output_ += *sealed;
  records_ = std::move(*records);
  rest_.resize(stream_->rest_bytes());
  stream_->take_rest(rest_);
  grace_timer_ = loop_.after(kGrace, [this] {
    grace_timer_ = 0;
    succeed();
  });
  return stream_->feed(rest_);
}

Result<void> TlsDial::look_at_rest() {
  if (rest_.size() > kMaxRestBytes) return run_error("it says more than anybody asked for");
  std::array<std::uint8_t, kMaxReadBytes> plain;
  const Result<std::size_t> read = stream_->read(plain);
  if (!read) return std::unexpected(read.error());
  if (stream_->has_ended()) return run_error("it ended the connection behind the TLS handshake");
  return {};
}

void TlsDial::succeed() {
  flush();
  if (!output_.empty()) {
    fail(Error{"it takes nothing of what is said first"});
    return;
  }
  stop();
  set_blocking(fd_.get(), true);
  RINGGATE_CHECK(records_.has_value());  // it has been called behind the handshake
  Sealed sealed{std::move(fd_), std::make_unique<TlsHandover>(std::move(*records_))};
  sealed.handover->rest = std::move(rest_);
  const Done done = std::move(done_);
  done(std::move(sealed));
}

void TlsDial::fail(Error error) {
  stop();
  const Done done = std::move(done_);
  done(std::unexpected(std::move(error)));
}

}  // namespace ringgate
