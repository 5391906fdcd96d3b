// The client's side of a TLS connection, over memory: whoever has the socket gives it what came,
// and sends what it has. OpenSSL does all of it.
//
// Whoever goes on with records of their own (codec/tls/records.h) takes secrets() and the rest once
// the handshake is done, and lets it go.
//
// One thread at a time; it may outlive its context's owner. OpenSSL's queue of errors is empty
// after each call. Errors are whole sentences with exit code 1 that say what to do; after one,
// what there is to be sent is an alert, and nothing else is called.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "codec/bytes.h"
#include "control/base/address.h"
#include "control/base/error.h"
#include "control/tls/client_context.h"
#include "control/tls/client_failure.h"

namespace ringgate::tls {

class ClientStream {
 public:
  // Of application traffic, n = 0; both sequences begin at 0. Wiped when it goes.
  struct Secrets {
    Secrets() = default;
    Secrets(const Secrets&) = delete;
    Secrets& operator=(const Secrets&) = delete;
    ~Secrets();

    std::uint16_t suite = 0;  // its number on the wire
    std::size_t bytes = 0;    // of each; 0: the connection is not of TLS 1.3
    std::array<std::uint8_t, 48> read{};
    std::array<std::uint8_t, 48> write{};
  };

  // For whoever makes a context: without this there are no secrets.
  static void prepare(SSL_CTX* context) noexcept;

  // To a server of that name or address, which its certificate has to be for; an empty host is
  // localhost. `session` is what session() gave, or empty; one that the server does not take costs
  // nothing. `where` is what errors call it, if it was not found by that name.
  [[nodiscard]] static Result<std::unique_ptr<ClientStream>> begin(
      SSL_CTX* context, const Endpoint& server, const ClientSettings::Names& names,
      std::string_view session = {}, std::string_view where = {});
  ~ClientStream();
  ClientStream(const ClientStream&) = delete;
  ClientStream& operator=(const ClientStream&) = delete;

  // Sealed bytes that came, and the handshake as far as they take it.
  [[nodiscard]] Result<void> feed(ByteView sealed);
  // What was in them; 0: nothing more is there.
  [[nodiscard]] Result<std::size_t> read(MutableBytes to);
  // Once is_ready().
  [[nodiscard]] Result<void> write(ByteView plain);
  // close_notify.
  void close() noexcept;

  [[nodiscard]] std::size_t output_bytes() const noexcept;
  void take_output(MutableBytes to) noexcept;  // output_bytes() of it
  void append_output(std::string& to);         // all of it

  [[nodiscard]] bool is_ready() const noexcept;                     // the handshake is done
  [[nodiscard]] bool has_ended() const noexcept { return ended_; }  // the server has, in order
  // What to say when the connection ends before is_ready().
  [[nodiscard]] Error cut_off() const;

  // Once is_ready().
  [[nodiscard]] bool is_resumed() const noexcept;
  [[nodiscard]] const Secrets& secrets() const noexcept { return secrets_; }
  [[nodiscard]] std::size_t rest_bytes() const noexcept;  // sealed, and not opened here
  void take_rest(MutableBytes to) noexcept;               // rest_bytes() of it
  // Something that a later connection may go on from; empty as long as the server has given none.
  // TLS 1.3 gives it after the handshake, and read() takes it.
  [[nodiscard]] std::string session() const;

 private:
  ClientStream() = default;
  [[nodiscard]] Result<void> use_server(const Endpoint& server, std::string_view where);
  [[nodiscard]] Result<void> use_session(std::string_view session);
  [[nodiscard]] Result<void> go_on();
  [[nodiscard]] std::unexpected<Error> failed() const;
  static int on_certificate(int good, X509_STORE_CTX* chain);
  static void on_key_log(const SSL* ssl, const char* line);
  void take_secret(std::string_view line);

  std::unique_ptr<SSL, Free<SSL_free>> ssl_;
  BIO* in_ = nullptr;   // the SSL's
  BIO* out_ = nullptr;  // the SSL's
  ServerName server_;
  ClientSettings::Names names_;
  bool ended_ = false;
  Verdict verdict_;
  Secrets secrets_;
};

}  // namespace ringgate::tls
