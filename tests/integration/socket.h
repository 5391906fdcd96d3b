// TCP sockets with deadlines, on IPv4 loopback, plain or with TLS. Errors are std::runtime_error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "control/base/unique_fd.h"
#include "tests/dataplane/tls_client.h"
#include "tests/integration/deadline.h"

namespace ringgate::test {

class Socket {
 public:
  Socket() = default;
  explicit Socket(UniqueFd fd);
  // `receive_buffer_bytes` 0: the kernel's default.
  static Socket connect(std::uint16_t port, int receive_buffer_bytes = 0);

  // After its handshake.
  static Socket connect_tls(std::uint16_t port, const TlsClient::Wish& wish = {});
  // The client that it has then.
  [[nodiscard]] TlsClient& tls() { return *tls_; }

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool is_open() const { return static_cast<bool>(fd_); }
  void write_all(std::string_view bytes);
  void write_raw(std::string_view bytes);  // past TLS
  // What the kernel takes at once; 0 when it takes nothing.
  std::size_t write_some(std::string_view bytes);
  // Appends what has come. Without TLS, or past it, the same is read_raw(). False at the end of the
  // stream (also when it was reset). Throws when nothing comes.
  bool read_some(std::string& to, std::chrono::milliseconds patience = kPatience);
  bool read_raw(std::string& to, std::chrono::milliseconds patience = kPatience);
  [[nodiscard]] bool readable(std::chrono::milliseconds patience) const;
  void close() { fd_ = UniqueFd(); }
  void reset();  // closes with a reset

 private:
  void shake_hands();

  UniqueFd fd_;
  std::unique_ptr<TlsClient> tls_;
};

// Through a socket in the file system.
Socket connect_unix(const std::string& path);

// All of 127/8 is this machine.
Socket connect_from(const char* source, std::uint16_t port);

class Listener {
 public:
  explicit Listener(std::uint16_t port = 0);
  [[nodiscard]] std::uint16_t port() const { return port_; }
  Socket accept();  // throws when nobody comes
  [[nodiscard]] bool somebody_waits(std::chrono::milliseconds patience = 0ms) const;

 private:
  UniqueFd fd_;
  std::uint16_t port_ = 0;
};

}  // namespace ringgate::test
