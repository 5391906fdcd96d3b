#include "control/base/dial_order.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <string>
#include <utility>

#include "tests/common/black_hole.h"
#include "tests/common/tcp_peer.h"

namespace ringgate {
namespace {

using test::BlackHole;
using test::TcpService;
using namespace std::chrono_literals;

TEST(ConnectFirst, AnAddressThatSwallowsEverythingDoesNotHideTheNext) {
  const TcpService last;
  const BlackHole hole("127.0.0.4", last.port());
  const FirstConnected first = connect_first(
      {*numeric_address({"127.0.0.4", last.port()}), *numeric_address({"127.0.0.1", last.port()})},
      20s);
  ASSERT_TRUE(first.fd) << strerror(first.error);
  EXPECT_EQ(format_host(first.peer.get()), "127.0.0.1");
}

TEST(ConnectFirst, SaysWhyNot) {
  TcpService service;
  const std::uint16_t port = service.port();
  const SocketAddress swallows = *numeric_address({"127.0.0.4", port});
  const SocketAddress refuses = *numeric_address({"127.0.0.1", port});
  const BlackHole hole("127.0.0.4", port);
  service.close();
  EXPECT_EQ(connect_first({refuses}, 20s).error, ECONNREFUSED);
  EXPECT_EQ(connect_first({swallows}, 50ms).error, ETIMEDOUT);
  EXPECT_EQ(connect_first({swallows, refuses}, 1s).error, ECONNREFUSED);
}

TEST(DialOrder, TakesFamiliesInTurn) {
  const auto order_of = [](std::initializer_list<const char*> hosts) {
    std::vector<SocketAddress> addresses;
    for (const char* const host : hosts) addresses.push_back(*numeric_address({host, 1}));
    std::string order;
    for (const SocketAddress& address : dial_order(std::move(addresses))) {
      order += format_host(address.get()) + " ";
    }
    return order;
  };
  EXPECT_EQ(order_of({"::1", "::2", "::3", "10.0.0.1", "10.0.0.2"}),
            "::1 10.0.0.1 ::2 10.0.0.2 ::3 ");
  EXPECT_EQ(order_of({"10.0.0.1", "10.0.0.2", "::1"}), "10.0.0.1 ::1 10.0.0.2 ");
  EXPECT_EQ(order_of({"10.0.0.1"}), "10.0.0.1 ");
  EXPECT_EQ(order_of({}), "");
  EXPECT_EQ(dial_order(std::vector(1000, *numeric_address({"::1", 1}))).size(), kMostDialled);
}

TEST(DialOrder, EveryAddressHasItsShareOfTheTime) {
  EXPECT_EQ(dial_share(5s, 1), 250ms);
  EXPECT_EQ(dial_share(5s, 20), 250ms);
  EXPECT_EQ(dial_share(5s, 50), 100ms);
  EXPECT_EQ(dial_share(100ms, 4), 25ms);
  EXPECT_EQ(dial_share(0ms, 4), 1ms);
  EXPECT_EQ(dial_share(-5ms, 0), 1ms);
}

}  // namespace
}  // namespace ringgate
