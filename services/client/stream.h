// A connected, non-blocking socket, plain or with TLS on it. It owns both. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "codec/bytes.h"
#include "control/base/error.h"
#include "control/base/unique_fd.h"
#include "control/tls/client_stream.h"

namespace ringgate::client {

class Stream {
 public:
  enum class Status : std::uint8_t {
    kDone,
    kWait,    // for the socket: nothing came, or it takes nothing more
    kEnd,     // the peer is gone; what it sent before may still be there
    kFailed,  // `problem` says why
  };
  struct Step {
    Status status = Status::kDone;
    std::size_t bytes = 0;  // sent
    std::string problem{};
  };
  // The view is valid for the call.
  using Take = std::function<void(ByteView)>;

  explicit Stream(UniqueFd socket) : socket_(std::move(socket)) {}
  // Over TLS, which has just begun. Blocks until its handshake is done, for timeout_ms at most.
  [[nodiscard]] static Result<Stream> secure(UniqueFd socket,
                                             std::unique_ptr<tls::ClientStream> tls,
                                             int timeout_ms);

  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  // Reads from the socket once. All that was in it goes to `take`, in any number of pieces.
  [[nodiscard]] Step receive(const Take& take);
  // Takes a part of it, at least a byte where it says kDone.
  [[nodiscard]] Step send(ByteView bytes);
  // What send() has taken and the socket has not; to be called when the socket takes more.
  void flush();
  [[nodiscard]] bool wants_to_send() const noexcept { return !sealed_.empty(); }
  // We send nothing more; the peer is told as far as there is room for it.
  void close();

 private:
  [[nodiscard]] Step open(ByteView sealed, const Take& take);
  [[nodiscard]] Step send_plain(ByteView bytes) const;

  UniqueFd socket_;
  std::unique_ptr<tls::ClientStream> tls_;  // null: none
  std::string sealed_;                      // waits for the socket
};

// False when the time is up, or nothing can be waited for. `events` are those of poll(2).
[[nodiscard]] bool wait_for(int socket, short events, std::int64_t deadline_ms);
[[nodiscard]] std::int64_t steady_ms();

}  // namespace ringgate::client
