// A blocking client over loopback, and a group of real shards behind a port, for the tests with a
// real ring. A read that gets nothing for 20 s fails the test instead of hanging it.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "codec/packet.h"
#include "dataplane/shard_group.h"
#include "tests/dataplane/ring_under_test.h"

namespace ringgate::test {

class Client {
 public:
  explicit Client(std::uint16_t port, int receive_buffer_bytes = 0) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer_bytes != 0) {
      setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    }
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const timeval patience{20, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(port);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  }
  ~Client() {
    if (fd_ >= 0) close(fd_);
  }
  Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(ByteView bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      ASSERT_GT(sent, 0);
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    }
  }
  // Exactly so many bytes, or fewer when the connection ends before.
  [[nodiscard]] std::vector<std::uint8_t> read(std::size_t bytes) {
    std::vector<std::uint8_t> got(bytes);
    std::size_t size = 0;
    while (size < bytes) {
      last_ = recv(fd_, got.data() + size, bytes - size, 0);
      if (last_ <= 0) break;
      size += static_cast<std::size_t>(last_);
    }
    got.resize(size);
    return got;
  }
  // Ends the connection with a reset.
  void reset() {
    const linger at_once{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(std::exchange(fd_, -1));
  }
  // Everything up to the end.
  [[nodiscard]] std::vector<std::uint8_t> read_all() { return read(64u << 20); }
  // Whether the last read found an orderly end (not a reset, not a timeout).
  [[nodiscard]] bool ended() const { return last_ == 0; }

 private:
  int fd_ = -1;
  ssize_t last_ = 1;
};

// Waits until it holds; false after 20 s.
inline bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

struct RealShards {
  RealShards(const ShardGroupOptions& options, const ShardGroup::MakeHandler& make_handler,
             Transport transport = Transport::kTcp, const TlsContext& tls = {})
      : listener{std::move(*ListenerSet::open(
                     {"127.0.0.1", 0}, options.accept == AcceptMode::kHandOut ? 1 : options.shards,
                     false)),
                 transport,
                 {},
                 {},
                 tls},
        group(std::move(*ShardGroup::create(options, make_handler))) {
    const Result<void> started = group->start({&listener, 1});
    EXPECT_TRUE(started) << started.error().message;
  }
  [[nodiscard]] Client connect(int receive_buffer_bytes = 0) const {
    return Client(listener.sockets.port(), receive_buffer_bytes);
  }
  [[nodiscard]] std::uint64_t count(Counter counter) const {
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < group->size(); ++i)
      sum += group->shard(i).counters().get(counter);
    return sum;
  }
  [[nodiscard]] std::uint64_t count(Gauge gauge) const {
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < group->size(); ++i) sum += group->shard(i).counters().get(gauge);
    return sum;
  }
  [[nodiscard]] std::uint64_t closed(CloseReason reason) const {
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < group->size(); ++i) {
      sum += group->shard(i).counters().closed(reason);
    }
    return sum;
  }

  Listener listener;
  std::unique_ptr<ShardGroup> group;
};

inline ShardGroupOptions one_shard() {
  ShardGroupOptions options;
  options.accept = AcceptMode::kDirect;
  options.shard.sweep_ms = 20;
  options.shard.sweep_parts = 1;
  options.shard.ring = options_under_test();
  options.shard.ring.client_buffers = 256;
  options.shard.ring.link_buffers = 32;
  return options;
}

}  // namespace ringgate::test
