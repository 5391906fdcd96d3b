// The other side of the sockets under test: a blocking TCP socket that reads frames, and a listener
// that accepts such sockets. Nothing waits longer than 20 s; a wait that long fails the test.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "codec/bytes.h"
#include "codec/tcp_frame.h"
#include "control/base/unique_fd.h"
#include "tests/common/made_socket.h"

namespace ringgate::test {

inline constexpr int kPatienceMs = 20'000;

inline bool readable(int fd, int within_ms = kPatienceMs) {
  pollfd file{fd, POLLIN, 0};
  return poll(&file, 1, within_ms) == 1;
}

// How many descriptors this process has open.
inline std::ptrdiff_t open_fds() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                       std::filesystem::directory_iterator());
}

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// A frame, as it travels.
inline std::string framed(Opcode opcode, std::string_view payload) {
  std::string bytes(kTcpFrameHeadBytes, '\0');
  write_tcp_frame_head(reinterpret_cast<std::uint8_t*>(bytes.data()), opcode,
                       static_cast<std::uint32_t>(payload.size()));
  return bytes.append(payload);
}

class TcpPeer {
 public:
  explicit TcpPeer(UniqueFd fd) : fd_(std::move(fd)) {}
  static UniqueFd connected(std::uint16_t port, int send_buffer_bytes = 0) {
    UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return fd;
    if (send_buffer_bytes != 0) {
      setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &send_buffer_bytes, sizeof send_buffer_bytes);
    }
    const int on = 1;
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const sockaddr_in to = loopback(port);
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) fd.reset();
    return fd;
  }
  static TcpPeer connect_to(std::uint16_t port) {
    TcpPeer peer(connected(port));
    EXPECT_GE(peer.fd(), 0) << "nobody listens";
    return peer;
  }

  [[nodiscard]] int fd() const { return fd_.get(); }
  void close() { fd_.reset(); }

  // False: the connection has ended.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  // Exactly so many bytes, or fewer when the connection ends before.
  [[nodiscard]] std::string read(std::size_t bytes) const {
    std::string got(bytes, '\0');
    std::size_t size = 0;
    while (size < bytes) {
      if (!readable(fd_.get())) {
        ADD_FAILURE() << "nothing came";
        break;
      }
      const ssize_t count = recv(fd_.get(), got.data() + size, bytes - size, 0);
      if (count <= 0) break;
      size += static_cast<std::size_t>(count);
    }
    got.resize(size);
    return got;
  }

  struct ReadFrame {
    Opcode opcode = Opcode::kContinuation;
    std::string payload;
  };
  // Nothing: the connection has ended.
  [[nodiscard]] std::optional<ReadFrame> read_frame() const {
    const std::string head = read(kTcpFrameHeadBytes);
    if (head.size() < kTcpFrameHeadBytes) return std::nullopt;
    const std::size_t bytes = load_be<std::uint32_t>(as_bytes(head).data() + 1);
    ReadFrame frame{static_cast<Opcode>(head[0]), read(bytes)};
    return frame.payload.size() == bytes ? std::optional(std::move(frame)) : std::nullopt;
  }
  // Reads to the end and says whether there was one.
  [[nodiscard]] bool ends() const {
    while (read_frame()) {
    }
    return !testing::Test::HasFailure();
  }

 private:
  UniqueFd fd_;
};

class TcpService {
 public:
  explicit TcpService(int receive_buffer_bytes = 0, int backlog = 64)
      : fd_(made_socket(AF_INET, SOCK_STREAM)) {
    if (receive_buffer_bytes != 0) {
      setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                 sizeof receive_buffer_bytes);
    }
    sockaddr_in address = loopback(0);
    socklen_t bytes = sizeof address;
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), bytes), 0);
    EXPECT_EQ(listen(fd_.get(), backlog), 0);
    getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &bytes);
    port_ = ntohs(address.sin_port);
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  void close() { fd_.reset(); }
  // Whether a connection waits to be accepted.
  [[nodiscard]] bool called() const { return readable(fd_.get(), 0); }
  [[nodiscard]] TcpPeer accept() const {
    EXPECT_TRUE(readable(fd_.get())) << "nobody connected";
    return TcpPeer(UniqueFd(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
  }

 private:
  UniqueFd fd_;
  std::uint16_t port_ = 0;
};

}  // namespace ringgate::test
