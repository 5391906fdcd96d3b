// ListenerSet and PeerAddress.
#include "dataplane/listener.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <set>
#include <string>
#include <utility>

#include "dataplane/peer_address.h"

namespace ringgate {
namespace {

template <class Address>
sockaddr_storage stored(const Address& address) {
  sockaddr_storage storage{};
  std::memcpy(&storage, &address, sizeof address);
  return storage;
}

sockaddr_storage v4(const char* ip, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, ip, &address.sin_addr);
  return stored(address);
}

sockaddr_storage v6(const char* ip, std::uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  inet_pton(AF_INET6, ip, &address.sin6_addr);
  return stored(address);
}

TEST(PeerAddress, PrintsBothFamilies) {
  EXPECT_EQ(PeerAddress::from(v4("127.0.0.1", 80)).ip(), "127.0.0.1");
  EXPECT_EQ(PeerAddress::from(v4("255.254.3.2", 65535)).ip(), "255.254.3.2");
  EXPECT_EQ(PeerAddress::from(v4("127.0.0.1", 65535)).port(), 65535);
  EXPECT_EQ(PeerAddress::from(v6("::1", 1)).ip(), "::1");
  EXPECT_EQ(PeerAddress::from(v6("2001:db8::42", 1)).ip(), "2001:db8::42");
  EXPECT_EQ(PeerAddress::from(v6("::1", 4711)).port(), 4711);
}

TEST(PeerAddress, PrintsAV4MappedPeerAsV4) {
  EXPECT_EQ(PeerAddress::from(v6("::ffff:10.1.2.3", 5)).ip(), "10.1.2.3");
}

TEST(PeerAddress, CountsAnIpv6NetworkAsOneSource) {
  const auto source = [](const sockaddr_storage& address) {
    return PeerAddress::from(address).source();
  };
  EXPECT_EQ(source(v6("2001:db8:1:2::1", 1)), source(v6("2001:db8:1:2:ffff::9", 2)));
  EXPECT_NE(source(v6("2001:db8:1:2::1", 1)), source(v6("2001:db8:1:3::1", 1)));
  EXPECT_EQ(source(v4("10.0.0.1", 1)), source(v4("10.0.0.1", 2)));
  EXPECT_NE(source(v4("10.0.0.1", 1)), source(v4("10.0.0.2", 1)));
  EXPECT_EQ(source(v4("10.0.0.1", 1)), source(v6("::ffff:10.0.0.1", 1)));
}

TEST(PeerAddress, IsEmptyWhenUnknown) {
  EXPECT_EQ(PeerAddress().ip(), "");
  EXPECT_EQ(PeerAddress::from(sockaddr_storage{}).ip(), "");
}

bool can_connect(const sockaddr_storage& to) {
  const int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool connected = connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  close(fd);
  return connected;
}

std::uint16_t bound_port(int fd) {
  sockaddr_in address{};
  socklen_t bytes = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &bytes);
  return ntohs(address.sin_port);
}

TEST(ListenerSet, WithPortZeroAllCopyTheFirst) {
  Result<ListenerSet> set = ListenerSet::open({"127.0.0.1", 0}, 3, false);
  ASSERT_TRUE(set) << set.error().message;
  EXPECT_NE(set->port(), 0);
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(bound_port(set->fd(i)), set->port());
  EXPECT_EQ(set->printed(), "127.0.0.1:" + std::to_string(set->port()));
}

TEST(ListenerSet, ATakenPortIsNamed) {
  Result<ListenerSet> first = ListenerSet::open({"127.0.0.1", 0}, 2, false);
  ASSERT_TRUE(first);
  const Result<ListenerSet> second = ListenerSet::open({"127.0.0.1", first->port()}, 1, false);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("127.0.0.1:" + std::to_string(first->port())),
            std::string::npos)
      << second.error().message;
  EXPECT_NE(second.error().message.find("taken"), std::string::npos);
  EXPECT_NE(
      second.error().message.find("`ss -ltnp 'sport = :" + std::to_string(first->port()) + "'`"),
      std::string::npos);
  // A takeover is asked for: both listen.
  EXPECT_TRUE(ListenerSet::open({"127.0.0.1", first->port()}, 1, true));
}

TEST(ListenerSet, ATakenPortIsNoticedOnAllInterfacesToo) {
  Result<ListenerSet> first = ListenerSet::open({"127.0.0.1", 0}, 1, false);
  ASSERT_TRUE(first);
  EXPECT_FALSE(ListenerSet::open({"", first->port()}, 1, false));
}

TEST(ListenerSet, AnEmptyHostIsBothFamilies) {
  Result<ListenerSet> set = ListenerSet::open({"", 0}, 1, false);
  ASSERT_TRUE(set) << set.error().message;
  EXPECT_EQ(set->printed(), "[::]:" + std::to_string(set->port()));
  EXPECT_TRUE(can_connect(v4("127.0.0.1", set->port())));
  EXPECT_TRUE(can_connect(v6("::1", set->port())));
}

// --- Sockets that another process gives ---------------------------------------------------------

std::set<ino_t> inodes(const ListenerSet& set, std::uint32_t index, std::uint32_t accepts) {
  std::set<ino_t> found;
  for (std::uint32_t accept = 0; accept < accepts; ++accept) {
    struct stat status{};
    EXPECT_EQ(fstat(set.fd(index, accept), &status), 0);
    found.insert(status.st_ino);
  }
  return found;
}

// Every socket is somebody's, since each has a backlog of its own.
TEST(ListenerSet, SocketsOfMoreShardsAreSharedOutAmongThoseThereAre) {
  Result<ListenerSet> old = ListenerSet::open({"127.0.0.1", 0}, 5, false);
  ASSERT_TRUE(old);
  Result<ListenerSet> fresh = ListenerSet::adopt({"127.0.0.1", old->port()}, 2, old->copies());
  ASSERT_TRUE(fresh) << fresh.error().message;
  EXPECT_EQ(fresh->printed(), old->printed());
  EXPECT_EQ(inodes(*fresh, 0, 32).size(), 3u);
  EXPECT_EQ(inodes(*fresh, 1, 32).size(), 2u);
  std::set<ino_t> all = inodes(*fresh, 0, 32);
  all.merge(inodes(*fresh, 1, 32));
  std::set<ino_t> given;
  for (std::uint32_t i = 0; i < 5; ++i) given.merge(inodes(*old, i, 1));
  EXPECT_EQ(all, given);
  for (std::uint32_t i = 0; i < 5; ++i) old->close_one(i);
  fresh->close_one(0);
  fresh->close_one(1);
  EXPECT_FALSE(can_connect(v4("127.0.0.1", fresh->port())));
  ASSERT_TRUE(fresh->reopen_one(0));
  EXPECT_EQ(inodes(*fresh, 0, 32).size(), 1u);
}

TEST(ListenerSet, AShardWithoutASocketOfItsOwnOpensOne) {
  Result<ListenerSet> old = ListenerSet::open({"127.0.0.1", 0}, 1, false);
  ASSERT_TRUE(old);
  Result<ListenerSet> fresh = ListenerSet::adopt({"127.0.0.1", old->port()}, 3, old->copies());
  ASSERT_TRUE(fresh) << fresh.error().message;
  std::set<ino_t> all;
  for (std::uint32_t i = 0; i < 3; ++i) all.merge(inodes(*fresh, i, 4));
  EXPECT_EQ(all.size(), 3u);
  EXPECT_TRUE(all.contains(*inodes(*old, 0, 1).begin()));
}

TEST(ListenerSet, WhatWaitsInABacklogIsTheNewOnes) {
  Result<ListenerSet> old = ListenerSet::open({"127.0.0.1", 0}, 1, false);
  ASSERT_TRUE(old);
  const sockaddr_storage to = v4("127.0.0.1", old->port());
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(connect(client, reinterpret_cast<const sockaddr*>(&to), sizeof(sockaddr_in)), 0);
  Result<ListenerSet> fresh = ListenerSet::adopt({"127.0.0.1", old->port()}, 1, old->copies());
  ASSERT_TRUE(fresh) << fresh.error().message;
  *old = ListenerSet();
  const int accepted = accept4(fresh->fd(0), nullptr, nullptr, SOCK_CLOEXEC);
  ASSERT_GE(accepted, 0);
  EXPECT_EQ(write(accepted, "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(read(client, &byte, 1), 1) << "no reset";
  close(accepted);
  close(client);
}

TEST(ListenerSet, WhatDoesNotListenThereIsRefused) {
  Result<ListenerSet> old = ListenerSet::open({"127.0.0.1", 0}, 1, false);
  Result<ListenerSet> other = ListenerSet::open({"127.0.0.1", 0}, 1, false);
  ASSERT_TRUE(old && other);
  const ListenAddress address{"127.0.0.1", old->port()};
  EXPECT_FALSE(ListenerSet::adopt(address, 1, other->copies()));
  EXPECT_FALSE(ListenerSet::adopt(address, 1, {socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}));
  EXPECT_FALSE(ListenerSet::adopt(address, 1, {dup(STDERR_FILENO)}));
}

TEST(ListenerSet, OfAClosedOneThereIsNoCopy) {
  Result<ListenerSet> old = ListenerSet::open({"127.0.0.1", 0}, 2, false);
  ASSERT_TRUE(old);
  old->close_one(0);
  const std::vector<int> copies = old->copies();
  EXPECT_EQ(copies.size(), 1u);
  for (const int copy : copies) close(copy);
}

TEST(ListenerSet, AnAddressIsPrintedAsItsListenerWillBe) {
  for (const char* const host : {"127.0.0.1", "", "::1", "localhost"}) {
    const Result<std::string> printed = ListenerSet::print({host, 8001});
    ASSERT_TRUE(printed) << host;
    const Result<ListenerSet> set = ListenerSet::open({host, 0}, 1, false);
    ASSERT_TRUE(set) << host;
    EXPECT_EQ(printed->substr(0, printed->rfind(':')),
              set->printed().substr(0, set->printed().rfind(':')));
    EXPECT_TRUE(printed->ends_with(":8001"));
  }
}

TEST(ListenerSet, AcceptedSocketsInheritNoDelay) {
  Result<ListenerSet> set = ListenerSet::open({"127.0.0.1", 0}, 1, false);
  ASSERT_TRUE(set);
  const sockaddr_storage to = v4("127.0.0.1", set->port());
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(connect(client, reinterpret_cast<const sockaddr*>(&to), sizeof(sockaddr_in)), 0);
  const int accepted = accept4(set->fd(0), nullptr, nullptr, SOCK_CLOEXEC);
  int on = 0;
  socklen_t bytes = sizeof on;
  getsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, &bytes);
  EXPECT_NE(on, 0);
  close(accepted);
  close(client);
}

TEST(ListenerSet, AcceptedSocketsInheritTheBoundsOfSends) {
  Result<ListenerSet> set = ListenerSet::open({"127.0.0.1", 0}, 1, false);
  ASSERT_TRUE(set);
  set->set_send_bounds(0, {.unacknowledged_ms = 12'000, .unsent_bytes = 64 * 1024});
  const sockaddr_storage to = v4("127.0.0.1", set->port());
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(connect(client, reinterpret_cast<const sockaddr*>(&to), sizeof(sockaddr_in)), 0);
  const int accepted = accept4(set->fd(0), nullptr, nullptr, SOCK_CLOEXEC);
  const auto option = [accepted](int name) {
    int value = 0;
    socklen_t bytes = sizeof value;
    EXPECT_EQ(getsockopt(accepted, IPPROTO_TCP, name, &value, &bytes), 0);
    return value;
  };
  EXPECT_EQ(option(TCP_USER_TIMEOUT), 12'000);
  EXPECT_EQ(option(TCP_NOTSENT_LOWAT), 64 * 1024);
  close(accepted);
  close(client);
}

TEST(ListenerSet, OneCanBeClosedAndReopened) {
  Result<ListenerSet> set = ListenerSet::open({"127.0.0.1", 0}, 1, false);
  ASSERT_TRUE(set);
  set->close_one(0);
  EXPECT_FALSE(can_connect(v4("127.0.0.1", set->port())));
  set->close_one(0);  // closing twice closes nobody else's descriptor
  ASSERT_TRUE(set->reopen_one(0));
  EXPECT_TRUE(can_connect(v4("127.0.0.1", set->port())));
}

TEST(ListenerSet, MovesItsSockets) {
  Result<ListenerSet> set = ListenerSet::open({"127.0.0.1", 0}, 1, false);
  ASSERT_TRUE(set);
  ListenerSet moved = std::move(*set);
  const std::uint16_t port = moved.port();
  EXPECT_TRUE(can_connect(v4("127.0.0.1", port)));
  moved = ListenerSet();
  EXPECT_FALSE(can_connect(v4("127.0.0.1", port)));
}

TEST(ListenerSet, AHostThatIsNotOursSaysWhatToGive) {
  const Result<ListenerSet> set = ListenerSet::open({"192.0.2.1", 0}, 1, false);
  ASSERT_FALSE(set);
  EXPECT_NE(set.error().message.find("192.0.2.1"), std::string::npos);
}

}  // namespace
}  // namespace ringgate
