// What the kernel tells of a client's connection, of several with the same port on its side.
#include "services/gateway/recorder/tcp_info.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "control/base/unique_fd.h"

namespace ringgate {
namespace {

sockaddr_in local(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

sockaddr* any(sockaddr_in& address) {
  return reinterpret_cast<sockaddr*>(&address);
}

std::uint16_t port_of(const UniqueFd& socket) {
  sockaddr_in address{};
  socklen_t bytes = sizeof address;
  EXPECT_EQ(getsockname(socket.get(), any(address), &bytes), 0);
  return ntohs(address.sin_port);
}

UniqueFd new_socket() {
  UniqueFd made(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (made.get() < 0) std::abort();
  return made;
}

UniqueFd listen_anywhere() {
  UniqueFd listener = new_socket();
  sockaddr_in address = local(0);
  EXPECT_EQ(bind(listener.get(), any(address), sizeof address), 0);
  EXPECT_EQ(listen(listener.get(), 1), 0);
  return listener;
}

// From `port` (0: any), which others may have, too.
UniqueFd connect_from(std::uint16_t port, const UniqueFd& listener) {
  UniqueFd client = new_socket();
  const int on = 1;
  EXPECT_EQ(setsockopt(client.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
  sockaddr_in from = local(port);
  EXPECT_EQ(bind(client.get(), any(from), sizeof from), 0);
  sockaddr_in to = local(port_of(listener));
  EXPECT_EQ(connect(client.get(), any(to), sizeof to), 0);
  return client;
}

TEST(TcpInfo, IsOfTheConnectionThatLivesNotOfThoseThatAreOver) {
  std::uint16_t port = 0;
  std::vector<UniqueFd> listeners;
  for (int i = 0; i < 12; ++i) {
    listeners.push_back(listen_anywhere());
    UniqueFd client = connect_from(port, listeners.back());
    port = port_of(client);
    const UniqueFd ours(accept(listeners.back().get(), nullptr, nullptr));
    ASSERT_GE(ours.get(), 0);
    if (i == 11) {  // this one lives, and those before it are over
      sockaddr_storage peer{};
      socklen_t bytes = sizeof peer;
      ASSERT_EQ(getpeername(ours.get(), reinterpret_cast<sockaddr*>(&peer), &bytes), 0);
      const auto info = tcp_info_of(PeerAddress::from(peer));
      ASSERT_TRUE(info) << info.error().message;
      EXPECT_EQ(info->state, "established");
    }
    // Who ends first keeps the pair of ports for a minute: our side does.
    ASSERT_EQ(shutdown(ours.get(), SHUT_WR), 0);
    char nothing = 0;
    ASSERT_EQ(read(client.get(), &nothing, 1), 0);
  }
}

}  // namespace
}  // namespace ringgate
