// TLS to Redis: a client's side of it (control/tls/client_stream.h), with what waits for the end of
// the handshake. A context is immutable and for any thread; a stream is its connection's, and moves
// bytes in memory only: whoever has the socket gives it what came, and sends what it has.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "control/base/address.h"
#include "control/base/error.h"
#include "control/tls/client_stream.h"

namespace ringgate {

// What to do where only one end speaks TLS.
inline constexpr const char* kWriteRedis =
    "check the port, or write redis in place of rediss in RedisURL";
inline constexpr const char* kWriteRediss =
    "it speaks TLS, write rediss in place of redis in RedisURL";

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
  RedisTlsContext() = default;

  tls::ContextPtr context_;
  std::string read_;  // what the files had in them
};

class RedisTlsStream {
 public:
  // To a server of that name or address, which its certificate has to be for.
  [[nodiscard]] static Result<RedisTlsStream> begin(const RedisTlsContext& context,
                                                    const Endpoint& server);

  // Encrypted bytes that came. What is in them goes to `take`; false: the server has ended it.
  [[nodiscard]] Result<bool> feed(std::string_view bytes,
                                  const std::function<void(std::string_view)>& take);
  // Plain bytes to be sent; they wait until the handshake is done.
  [[nodiscard]] Result<void> write(std::string_view bytes);
  // Encrypted bytes to be sent, appended.
  void take_output(std::string& to) { stream_->append_output(to); }
  [[nodiscard]] bool is_secure() const noexcept { return stream_->is_ready(); }
  // What to say when the connection ends before.
  [[nodiscard]] Error cut_off() const { return stream_->cut_off(); }

 private:
  explicit RedisTlsStream(std::unique_ptr<tls::ClientStream> stream) noexcept
      : stream_(std::move(stream)) {}
  [[nodiscard]] Result<void> send_waiting();

  std::unique_ptr<tls::ClientStream> stream_;
  std::string waiting_;
};

}  // namespace ringgate
