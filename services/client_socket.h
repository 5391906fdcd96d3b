// A TCP connection to a gateway, dialled with a time limit. Blocking until connected; one thread.
#pragma once

#include <utility>

#include "control/address.h"
#include "control/error.h"

namespace ringgate {

// Owns a file descriptor and closes it.
class OwnedFd {
 public:
  explicit OwnedFd(int fd = -1) noexcept : fd_(fd) {}
  ~OwnedFd();
  OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

// Tries every address of `target.host` (a name, IPv4 or IPv6; empty is this machine) in the
// resolver's order, each for at most `timeout_ms`. The socket is non-blocking and sends without
// delay.
Result<OwnedFd> connect_to(const Endpoint& target, int timeout_ms);

}  // namespace ringgate
