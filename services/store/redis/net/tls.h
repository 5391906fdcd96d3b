// TLS to Redis, over OpenSSL. A context is immutable and for any thread; a stream is its
// connection's, and moves bytes in memory only: whoever has the socket gives it what came, and
// sends what it has.
#pragma once

#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "control/base/error.h"

namespace ringgate {

struct RedisTlsFiles {
  std::string ca;           // PEM; empty: the machine's authorities
  std::string certificate;  // of ours, PEM, with its chain; empty: none
  std::string key;          // of it
};

class RedisTlsContext {
 public:
  // Reads the files. Errors name the key and the file, and have exit code 2.
  [[nodiscard]] static Result<std::shared_ptr<const RedisTlsContext>> load(
      const RedisTlsFiles& files);

  [[nodiscard]] SSL_CTX* get() const noexcept { return context_.get(); }
  // Made of the same bytes.
  [[nodiscard]] bool is_same(const RedisTlsContext& other) const noexcept {
    return read_ == other.read_;
  }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  RedisTlsContext() = default;

  std::unique_ptr<SSL_CTX, Free> context_;
  std::string read_;  // what the files had in them
};

class RedisTlsStream {
 public:
  // To a server of that name or address, which its certificate has to be for.
  RedisTlsStream(const RedisTlsContext& context, const std::string& host);

  // Encrypted bytes that came. What is in them goes to `take`; false: the server has ended it.
  [[nodiscard]] Result<bool> feed(std::string_view bytes,
                                  const std::function<void(std::string_view)>& take);
  // Plain bytes to be sent; they wait until the handshake is done.
  [[nodiscard]] Result<void> write(std::string_view bytes);
  // Encrypted bytes to be sent, appended.
  void take_output(std::string& to);
  [[nodiscard]] bool is_secure() const noexcept { return SSL_is_init_finished(ssl_.get()) == 1; }

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  [[nodiscard]] Result<void> go_on();
  [[nodiscard]] std::unexpected<Error> failed() const;

  std::unique_ptr<SSL, Free> ssl_;
  BIO* in_ = nullptr;   // the SSL's
  BIO* out_ = nullptr;  // the SSL's
  std::string waiting_;
};

}  // namespace ringgate
