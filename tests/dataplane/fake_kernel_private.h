// Shared by the sources of the fake kernel only.
#pragma once

#include <optional>
#include <string>

#include "tests/dataplane/fake_kernel.h"

namespace ringgate::test {

// A shard did what it must never do: the test fails.
void report(const std::string& what, std::uint64_t tag);

// Of a real listening socket; 0: it is none.
std::uint16_t port_of(int listen_fd);

struct FakeKernel::Socket {
  FakePeer* peer = nullptr;
  File file;
  bool shut_read = false;
  bool shut_write = false;
  bool closed = false;
  bool reading = false;  // a receive or a poll, until the last completion has been read
  bool sending = false;
  int in_flight = 0;  // operations whose last completion has not been read
  std::optional<OpTag> owner;
};

}  // namespace ringgate::test
