#include "tests/common/free_port.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <random>
#include <stdexcept>

#include "control/unique_fd.h"

namespace ringgate::test {
namespace {

bool is_free(std::uint16_t port, int type) {
  const UniqueFd fd(socket(AF_INET, type | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

std::uint16_t free_port() {
  static std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<int> any(20'000, 31'999);
  for (int i = 0; i < 1000; ++i) {
    const auto port = static_cast<std::uint16_t>(any(random));
    if (is_free(port, SOCK_STREAM) && is_free(port, SOCK_DGRAM)) return port;
  }
  throw std::runtime_error("no free port");
}

}  // namespace ringgate::test
