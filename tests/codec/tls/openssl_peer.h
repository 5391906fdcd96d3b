// A connection of OpenSSL's, client or server, after its handshake. What was at its other end, an
// SSL object too, has left its secrets and is gone.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "codec/bytes.h"
#include "codec/tls/key_schedule.h"
#include "codec/tls/records.h"
#include "tests/codec/hex.h"

namespace ringgate::tls {

struct FreeSsl {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslContext = std::unique_ptr<SSL_CTX, FreeSsl>;
using SslConnection = std::unique_ptr<SSL, FreeSsl>;

// What a read of OpenSSL's ended with.
enum class SslEnd { kWaits, kCloseNotify, kFailed };

class OpensslPeer {
 public:
  // `role`: what the peer is. A server sends `tickets` after the handshake: to us, or to the SSL
  // object that was in our place.
  OpensslPeer(Suite suite, Peer role, int tickets);

  // Our end of the connection.
  [[nodiscard]] Records take_over(KeySchedule& schedule) const;

  // The end that OpenSSL has, once more: it reads what OpenSSL reads.
  [[nodiscard]] Records twin(KeySchedule& schedule) const;
  [[nodiscard]] const Bytes& read_secret() const noexcept {
    return role_ == Peer::kClient ? server_secret_ : client_secret_;
  }
  // Of records that were made with it so far.
  [[nodiscard]] std::uint64_t read_sequence() const noexcept {
    return role_ == Peer::kClient ? static_cast<std::uint64_t>(tickets_) : 0;
  }

  // What it sends: everything since the handshake, or the last call.
  [[nodiscard]] Bytes sent();
  // What it received, and how reading ended.
  [[nodiscard]] std::string received(const Bytes& stream);
  [[nodiscard]] SslEnd end() const noexcept { return end_; }
  // With kFailed: an alert of ours that was taken for fatal, or nothing.
  [[nodiscard]] int fatal_alert() const noexcept { return fatal_alert_; }

  // Of OpenSSL's API as it is; the records come with sent().
  void write(std::string_view text);
  void update_key(bool ask);
  [[nodiscard]] SSL* ssl() noexcept { return ssl_.get(); }

 private:
  Suite suite_;
  Peer role_;
  int tickets_;
  SslContext client_context_;
  SslContext server_context_;
  SslConnection ssl_;
  Bytes client_secret_;
  Bytes server_secret_;
  SslEnd end_ = SslEnd::kWaits;
  int fatal_alert_ = 0;
};

}  // namespace ringgate::tls
