// What the kernel tells of a client's connection, of several with the same port on its side.
#include "services/gateway/recorder/tcp_info.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "control/base/unique_fd.h"
#include "tests/common/made_socket.h"

namespace ringgate {
namespace {

using testing::HasSubstr;

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

UniqueFd listen_anywhere() {
  UniqueFd listener = test::made_socket(AF_INET, SOCK_STREAM);
  sockaddr_in address = local(0);
  EXPECT_EQ(bind(listener.get(), any(address), sizeof address), 0);
  EXPECT_EQ(listen(listener.get(), 1), 0);
  return listener;
}

// From `port` (0: any), which others may have, too.
UniqueFd connect_from(std::uint16_t port, const UniqueFd& listener) {
  UniqueFd client = test::made_socket(AF_INET, SOCK_STREAM);
  const int on = 1;
  EXPECT_EQ(setsockopt(client.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
  sockaddr_in from = local(port);
  EXPECT_EQ(bind(client.get(), any(from), sizeof from), 0);
  sockaddr_in to = local(port_of(listener));
  // The end of the one before may still be on its way to its side.
  while (connect(client.get(), any(to), sizeof to) != 0 && errno == EADDRNOTAVAIL) {
    std::this_thread::yield();
  }
  sockaddr_in there{};
  socklen_t bytes = sizeof there;
  EXPECT_EQ(getpeername(client.get(), any(there), &bytes), 0) << "it is not connected";
  return client;
}

PeerAddress peer_of(const UniqueFd& socket) {
  sockaddr_storage peer{};
  socklen_t bytes = sizeof peer;
  EXPECT_EQ(getpeername(socket.get(), reinterpret_cast<sockaddr*>(&peer), &bytes), 0);
  return PeerAddress::from(peer);
}

// A connection to a listener of ours.
struct Pair {
  UniqueFd listener = listen_anywhere();
  UniqueFd client;
  UniqueFd ours;

  explicit Pair(std::uint16_t port = 0) { connect(port); }
  void connect(std::uint16_t port) {
    client = connect_from(port, listener);
    ours = UniqueFd(accept(listener.get(), nullptr, nullptr));
    EXPECT_GE(ours.get(), 0);
  }
  [[nodiscard]] WhichTcp which(bool is_over = false) const {
    return {peer_of(ours), {PeerAddress::parse("127.0.0.1").bytes(), port_of(listener)}, is_over};
  }
  void say(std::size_t bytes) {
    const std::string text(bytes, 'x');
    EXPECT_EQ(write(ours.get(), text.data(), text.size()), static_cast<ssize_t>(bytes));
    std::string read_back(bytes, ' ');
    EXPECT_EQ(recv(client.get(), read_back.data(), bytes, MSG_WAITALL),
              static_cast<ssize_t>(bytes));
  }
  // Our side ends first, so that it is the one that keeps the pair of ports for a minute.
  void end() {
    EXPECT_EQ(shutdown(ours.get(), SHUT_WR), 0);
    char nothing = 0;
    EXPECT_EQ(read(client.get(), &nothing, 1), 0);
    client = UniqueFd();
    EXPECT_EQ(read(ours.get(), &nothing, 1), 0);
    ours = UniqueFd();
  }
};

// What the client has acknowledged of what we said, once the kernel knows it.
void expect_acknowledged(const WhichTcp& which, std::uint64_t bytes) {
  for (;;) {
    const auto info = tcp_info_of(which);
    ASSERT_TRUE(info) << info.error().message;
    EXPECT_EQ(info->state, "established");
    ASSERT_LE(info->acknowledged_bytes, bytes + 1);  // the SYN counts as one
    if (info->acknowledged_bytes >= bytes) return;
    std::this_thread::yield();
  }
}

TEST(TcpInfo, IsOfTheConnectionThatLivesNotOfThoseThatAreOver) {
  std::uint16_t port = 0;
  std::vector<std::unique_ptr<Pair>> all;
  for (int i = 0; i < 12; ++i) {
    Pair& pair = *all.emplace_back(std::make_unique<Pair>(port));
    port = port_of(pair.client);
    if (i < 11) pair.end();
  }
  const auto info = tcp_info_of(all.back()->which());
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->state, "established");
}

// To two gateways on one machine, say.
TEST(TcpInfo, IsOfTheListenerThatItCameThrough) {
  Pair one;
  Pair other(port_of(one.client));
  ASSERT_EQ(one.which().peer.port(), other.which().peer.port());
  one.say(1000);
  other.say(50'000);
  expect_acknowledged(one.which(), 1000);
  expect_acknowledged(other.which(), 50'000);
  WhichTcp anywhere = one.which();
  anywhere.ours.address = {};
  expect_acknowledged(anywhere, 1000);
  WhichTcp elsewhere = one.which();
  elsewhere.ours.address = PeerAddress::parse("127.0.0.2").bytes();
  EXPECT_FALSE(tcp_info_of(elsewhere));
}

TEST(TcpInfo, OneThatIsOverIsSaidToBeAndHasNoFigures) {
  Pair pair;
  const WhichTcp open = pair.which();
  const WhichTcp over = pair.which(true);
  const std::uint16_t port = port_of(pair.client);
  pair.end();
  for (const WhichTcp& which : {open, over}) {
    const auto info = tcp_info_of(which);
    ASSERT_FALSE(info);
    EXPECT_THAT(info.error().message, HasSubstr("it has ended: the kernel only remembers it ("));
  }
  // The same client comes again, from the port that it had.
  pair.connect(port);
  ASSERT_EQ(pair.which().peer.port(), over.peer.port());
  EXPECT_TRUE(tcp_info_of(pair.which()));
  const auto info = tcp_info_of(over);
  ASSERT_FALSE(info);
  EXPECT_THAT(info.error().message, HasSubstr("another connection comes from its address"));
}

TEST(TcpInfo, OneWhoseLastBytesAreOnTheirWayHasFigures) {
  Pair pair;
  const WhichTcp over = pair.which(true);
  const std::string text(100'000, 'x');
  while (send(pair.ours.get(), text.data(), text.size(), MSG_DONTWAIT) > 0) {
  }
  pair.ours = UniqueFd();
  const auto info = tcp_info_of(over);
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_NE(info->state, "established");
}

}  // namespace
}  // namespace ringgate
