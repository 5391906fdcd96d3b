// An address that answers nothing: what is sent to it is neither accepted nor refused.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

#include "control/base/address.h"
#include "control/base/unique_fd.h"
#include "tests/common/made_socket.h"

namespace ringgate::test {

// Listens at an address of its own on that port. The kernel drops what a listener with a full
// backlog is sent: nothing is accepted or refused.
class BlackHole {
 public:
  BlackHole(const char* host, std::uint16_t port) : fd_(made_socket(AF_INET, SOCK_STREAM)) {
    const SocketAddress address = numeric_address({host, port}).value();
    EXPECT_EQ(bind(fd_.get(), address.get(), address.length), 0) << strerror(errno);
    EXPECT_EQ(listen(fd_.get(), 0), 0);
    for (int i = 0; i < 4; ++i) {
      callers_.push_back(made_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK));
      [[maybe_unused]] const int begun =
          connect(callers_.back().get(), address.get(), address.length);
    }
  }

 private:
  UniqueFd fd_;
  std::vector<UniqueFd> callers_;
};

}  // namespace ringgate::test
