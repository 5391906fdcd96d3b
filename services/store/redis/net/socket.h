// A non-blocking stream to a Redis: TCP or a unix socket, with TLS or without. Of one thread, which
// polls fd() for events(). After an error it is of no use any more.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "control/base/address.h"
#include "control/base/error.h"
#include "control/base/unique_fd.h"
#include "services/store/redis/net/tls.h"

namespace ringgate {

class RedisSocket {
 public:
  // To a numeric address. `tls`: none without; the certificate has to be for `server`.
  [[nodiscard]] static Result<RedisSocket> dial(const SocketAddress& to, const RedisTlsContext* tls,
                                                const Endpoint& server);
  [[nodiscard]] static Result<RedisSocket> dial_unix(const std::string& path);

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] short events() const noexcept;
  // And the handshake of TLS, if there is one, is done.
  [[nodiscard]] bool is_secure() const noexcept {
    return connected_ && (!tls_ || tls_->is_secure());
  }
  [[nodiscard]] bool is_in_handshake() const noexcept {
    return connected_ && tls_ && !tls_->is_secure();
  }

  // To be sent by the next turn.
  [[nodiscard]] Result<void> write(std::string_view bytes);
  // With what poll() returned: sends, and gives what came to `take`. False: the peer has ended it.
  [[nodiscard]] Result<bool> turn(short ready, const std::function<void(std::string_view)>& take);

 private:
  explicit RedisSocket(UniqueFd fd) noexcept : fd_(std::move(fd)) {}
  [[nodiscard]] static Result<RedisSocket> begin(const sockaddr* to, socklen_t bytes);
  [[nodiscard]] Result<void> flush();
  [[nodiscard]] Result<bool> receive(const std::function<void(std::string_view)>& take);

  UniqueFd fd_;
  std::optional<RedisTlsStream> tls_;
  bool connected_ = false;
  std::string out_;
  std::size_t sent_ = 0;  // of it
};

}  // namespace ringgate
