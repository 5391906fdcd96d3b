// A server that answers Redis commands as the test says: for what a real one cannot be made to do.
//
// A thread of its own takes one connection after the other. The test's function is called on it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace ringgate {

class FakeRedis {
 public:
  using Words = std::vector<std::string>;
  // The answer's bytes ("+OK\r\n").
  using Answer = std::function<std::string(const Words& command)>;

  explicit FakeRedis(Answer answer);
  ~FakeRedis();
  FakeRedis(const FakeRedis&) = delete;
  FakeRedis& operator=(const FakeRedis&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int connections() const { return connections_.load(); }

  // What a well Redis answers to a probe and to a lease; "$-1\r\n" to anything else.
  [[nodiscard]] static std::string well(const Words& command);

 private:
  void run();
  void serve(int fd);

  Answer answer_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace ringgate
