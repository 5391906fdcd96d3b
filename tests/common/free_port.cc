#include "tests/common/free_port.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "control/base/unique_fd.h"
#include "tests/common/made_socket.h"

namespace ringgate::test {
namespace {

// Nothing when another test has it.
UniqueFd reserve(std::uint16_t port) {
  // In the abstract namespace (unix(7)) a name goes with the socket that has it, however its
  // process ends.
  const std::string name = "ringgate-test-port-" + std::to_string(port);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(name, address.sun_path + 1);
  const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  UniqueFd fd = made_socket(AF_UNIX, SOCK_DGRAM);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), bytes) != 0) fd.reset();
  return fd;
}

bool is_free(std::uint16_t port, int type) {
  const UniqueFd fd = made_socket(AF_INET, type);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

std::uint16_t free_port() {
  static std::minstd_rand random{std::random_device{}()};
  static std::vector<UniqueFd> reserved;
  std::uniform_int_distribution<int> any(20'000, 31'999);
  for (int i = 0; i < 1000; ++i) {
    const auto port = static_cast<std::uint16_t>(any(random));
    UniqueFd reservation = reserve(port);
    if (!reservation || !is_free(port, SOCK_STREAM) || !is_free(port, SOCK_DGRAM)) continue;
    reserved.push_back(std::move(reservation));
    return port;
  }
  throw std::runtime_error("no free port");
}

}  // namespace ringgate::test
