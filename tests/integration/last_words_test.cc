// A client that logs in, talks and leaves in one breath: what it said arrives.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <optional>
#include <set>

#include "tests/integration/ws_client.h"

namespace ringgate::test {
namespace {

constexpr int kTalks = 50;

enum class Leaving { kClose, kCloseFrame, kHalfClose };

struct Way {
  Transport transport;
  Leaving leaving;
};

std::string in_frames(Transport transport, const std::string& tcp_frames) {
  return transport == Transport::kTcp ? tcp_frames : ws_frames_of(tcp_frames);
}

std::string close_frame(Transport transport) {
  return transport == Transport::kTcp ? frame(Opcode::kClose, "") : ws_close(1000);
}

// Login and chat apart, with their sessions in Redis: a sign-out has a link of its own.
struct ApartBench {
  World world;
  Redis redis{world};
  Server login{world, "login", "login01", {{"RedisAddrs", redis.address()}}};
  Server chat{world, "chat", "chat01", {{"RedisAddrs", redis.address()}}};
  Server gateway{world, "gateway", "g1", with_ws({{"Shards", "2"}})};

  // Once, until the services are connected to each other and to Redis.
  AnyClient receiver() {
    gateway.wait_metric("ringgate_links", 4);
    std::optional<AnyClient> bob;
    wait_until("bob can talk", [&] {
      try {
        bob.emplace(log_in(gateway, "bob", Transport::kTcp));
        bob->send(talk("nobody", "hello", 2));
        return bob->next().is_answer(2);
      } catch (const std::runtime_error&) {
        return false;
      }
    });
    return std::move(*bob);
  }
};

class LastWords : public testing::TestWithParam<Way> {};

TEST_P(LastWords, OfALoginAndATalkInOneWriteArrive) {
  const auto [transport, leaving] = GetParam();
  ApartBench bench;
  AnyClient bob = bench.receiver();
  std::set<std::string> said;
  std::vector<AnyClient> reading;
  const double signouts = bench.gateway.metric("ringgate_signouts_total");
  for (int i = 0; i < kTalks; ++i) {
    const std::string name = "client" + std::to_string(i);
    AnyClient client(bench.gateway, transport);
    std::string bytes = in_frames(transport, login(token(name)) + talk("bob", name, 2));
    if (leaving == Leaving::kCloseFrame) bytes += close_frame(transport);
    client.send_bytes(bytes);
    said.insert(name);
    if (leaving == Leaving::kHalfClose) {
      shutdown(client.socket().fd(), SHUT_WR);
      reading.push_back(std::move(client));
    } else {
      client.socket().close();
    }
  }
  std::set<std::string> heard;
  for (int i = 0; i < kTalks; ++i) heard.insert(bob.next().parse<pkt::MessagePush>().body());
  EXPECT_EQ(heard, said);
  for (AnyClient& client : reading) {
    EXPECT_TRUE(client.next().is_answer(1));
    EXPECT_TRUE(client.next().is_answer(2));
    EXPECT_EQ(client.next().kind, Event::Kind::kEnd);
  }
  bench.gateway.wait_metric("ringgate_signouts_total", signouts + kTalks);
}

TEST_P(LastWords, OfOneThatWasLoggedInArrive) {
  const auto [transport, leaving] = GetParam();
  ApartBench bench;
  AnyClient bob = bench.receiver();
  std::set<std::string> said;
  std::vector<AnyClient> clients;
  for (int i = 0; i < kTalks; ++i) {
    const std::string name = "client" + std::to_string(i);
    clients.push_back(log_in(bench.gateway, name, transport));
    said.insert(name);
  }
  for (AnyClient& client : clients) {
    std::string bytes = in_frames(transport, talk("bob", client.account, 2));
    if (leaving == Leaving::kCloseFrame) bytes += close_frame(transport);
    client.send_bytes(bytes);
    if (leaving == Leaving::kHalfClose) {
      shutdown(client.socket().fd(), SHUT_WR);
    } else {
      client.socket().close();
    }
  }
  std::set<std::string> heard;
  for (int i = 0; i < kTalks; ++i) heard.insert(bob.next().parse<pkt::MessagePush>().body());
  EXPECT_EQ(heard, said);
  if (leaving != Leaving::kHalfClose) return;
  for (AnyClient& client : clients) {
    EXPECT_TRUE(client.next().is_answer(2));
    EXPECT_EQ(client.next().kind, Event::Kind::kEnd);
  }
}

std::string name_of_way(const testing::TestParamInfo<Way>& way) {
  const char* const leaving[] = {"Close", "CloseFrame", "HalfClose"};
  return name_of(way.param.transport) + leaving[static_cast<int>(way.param.leaving)];
}

INSTANTIATE_TEST_SUITE_P(Integration, LastWords,
                         testing::Values(Way{Transport::kTcp, Leaving::kClose},
                                         Way{Transport::kTcp, Leaving::kCloseFrame},
                                         Way{Transport::kTcp, Leaving::kHalfClose},
                                         Way{Transport::kWebSocket, Leaving::kClose},
                                         Way{Transport::kWebSocket, Leaving::kCloseFrame},
                                         Way{Transport::kWebSocket, Leaving::kHalfClose}),
                         name_of_way);

}  // namespace
}  // namespace ringgate::test
