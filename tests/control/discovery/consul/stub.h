// A server that answers what a real Consul agent cannot be made to answer. Each connection has a
// thread, and the test's function writes the answers.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/common/tcp_peer.h"

namespace ringgate::test {

class ConsulStub {
 public:
  using SteadyClock = std::chrono::steady_clock;
  struct Asked {
    std::string line;  // "GET /v1/... HTTP/1.1"
    SteadyClock::time_point at;
  };
  // Answers the request of that number (from 0). False: closes the connection.
  using Answer =
      std::function<bool(const TcpPeer& peer, const std::string& line, std::size_t number)>;

  explicit ConsulStub(Answer answer) : answer_(std::move(answer)) {
    thread_ = std::thread([this] { accept_all(); });
  }
  ~ConsulStub() {
    is_ending_ = true;
    TcpPeer::connected(service_.port());  // wakes accept()
    thread_.join();
    {
      const std::scoped_lock lock(mutex_);
      for (const int fd : fds_) ::shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
  }
  ConsulStub(const ConsulStub&) = delete;
  ConsulStub& operator=(const ConsulStub&) = delete;

  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(service_.port());
  }
  [[nodiscard]] std::vector<Asked> asked() const {
    const std::scoped_lock lock(mutex_);
    return asked_;
  }

  static std::string response(int status, const std::string& body,
                              const std::string& headers = {}) {
    return "HTTP/1.1 " + std::to_string(status) +
           " Status\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + headers + "\r\n" +
           body;
  }

 private:
  void accept_all() {
    for (;;) {
      TcpPeer peer = service_.accept_patiently();
      if (is_ending_) return;
      const std::scoped_lock lock(mutex_);
      fds_.push_back(peer.fd());
      peers_.push_back(std::move(peer));
      threads_.emplace_back([this, &mine = peers_.back()] { serve(mine); });
    }
  }

  void serve(const TcpPeer& peer) {
    std::string head;
    for (char byte = 0; ::recv(peer.fd(), &byte, 1, 0) == 1;) {
      head.push_back(byte);
      if (!head.ends_with("\r\n\r\n")) continue;
      const std::string line = head.substr(0, head.find("\r\n"));
      head.clear();
      std::size_t number = 0;
      {
        const std::scoped_lock lock(mutex_);
        number = asked_.size();
        asked_.push_back({line, SteadyClock::now()});
      }
      if (!answer_(peer, line, number)) break;
    }
    ::shutdown(peer.fd(), SHUT_RDWR);
  }

  struct Listener : TcpService {
    // Unlike accept(), not an error when nobody comes for long.
    TcpPeer accept_patiently() const {
      while (!called()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return accept();
    }
  };

  Answer answer_;
  Listener service_;
  std::atomic<bool> is_ending_{false};
  mutable std::mutex mutex_;
  std::vector<Asked> asked_;  // under mutex_
  std::vector<int> fds_;      // under mutex_
  std::list<TcpPeer> peers_;  // grows under mutex_
  std::list<std::thread> threads_;
  std::thread thread_;
};

}  // namespace ringgate::test
