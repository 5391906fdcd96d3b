// The bytes of one connection of the port, plain or over TLS. Owns the socket, which it never waits
// for. One thread.
//
// What is written over TLS may still be here when the socket is full: has_output() says so, and
// flush() goes on. A step of a handshake takes up to 200 us of the port's thread; nobody's half one
// is waited for.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "codec/bytes.h"
#include "control/base/unique_fd.h"
#include "dataplane/tls_context.h"
#include "dataplane/tls_handshake.h"

namespace ringgate::http {

class Stream {
 public:
  Stream() = default;
  // Without a context it is plain.
  Stream(UniqueFd socket, const TlsContext& context);

  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  [[nodiscard]] UniqueFd release() noexcept { return std::move(socket_); }

  // Bytes that were there, 0 at the end, -1 where nothing is there yet; nothing when it is broken,
  // or is no TLS. Over TLS more may be there that the socket does not tell of: read until -1.
  [[nodiscard]] std::optional<ssize_t> read(MutableBytes to);
  // The same, as it comes, for what is thrown away.
  [[nodiscard]] std::optional<ssize_t> read_raw(MutableBytes to) const;
  // Bytes taken, or -1 where none can be taken now; nothing when it is broken.
  [[nodiscard]] std::optional<ssize_t> write(std::string_view bytes);
  // False: it is broken.
  [[nodiscard]] bool flush();
  [[nodiscard]] bool has_output() const noexcept { return !output_.empty(); }
  // Nothing more is written.
  void end();

 private:
  [[nodiscard]] bool take_sealed(ByteView sealed);
  [[nodiscard]] bool shake_hands(ByteView sealed);
  void take_output();

  UniqueFd socket_;
  std::unique_ptr<TlsHandshake> handshake_;  // one of these two over TLS
  std::unique_ptr<TlsSession> session_;
  std::string output_;  // sealed, that the socket has not taken
};

}  // namespace ringgate::http
