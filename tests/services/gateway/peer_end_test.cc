// What a client asked before it ended is done with its session: its sign-out comes after the
// answers, also where login and chat are different services.
#include <sys/socket.h>

#include "tests/services/gateway/world.h"

namespace ringgate {
namespace {

using test::receive;
using test::TcpPeer;
using test::World;
using test::WorldClient;
using test::WorldOptions;
using test::WorldPacket;

// On the shard where the links are at home, and on the other.
class PeerEnd : public testing::TestWithParam<std::uint32_t> {
 protected:
  void start(std::uint32_t wait_ms = 20'000) {
    WorldOptions options;
    options.gateway.login_answer_timeout_ms = wait_ms;
    options.gateway.answer_timeout_ms = 60'000;
    world_.emplace(options);
    world_->start_login();
    echo_.emplace(world_->link(2, 0));
  }
  // Clients that were on the other shard first are none of this one's.
  [[nodiscard]] std::uint64_t signouts() const {
    return world_->count(GetParam(), GatewayCounter::kSignouts);
  }
  void expect_signout(const WorldClient& client) {
    WorldPacket got = receive(*world_->login_link);
    while (!got.ended && got.header.channelid() != client.channel) {
      got = receive(*world_->login_link);  // of one that was on the other shard
    }
    EXPECT_EQ(got.header.command(), kCommandSignOut);
  }

  std::optional<World> world_;
  std::optional<TcpPeer> echo_;
};

TEST_P(PeerEnd, AClientThatHalfClosesGetsItsAnswersAndIsThenSignedOut) {
  start();
  const WorldClient client = world_->login(GetParam());
  for (const std::uint32_t sequence : {1u, 2u}) ASSERT_TRUE(client.send(sequence));
  shutdown(client.socket.fd(), SHUT_WR);
  const WorldPacket first = receive(*echo_);
  const WorldPacket second = receive(*echo_);
  EXPECT_EQ(signouts(), 0u);
  World::answer(*echo_, first, "one");
  EXPECT_EQ(receive(client.socket).body, "one");
  World::answer(*echo_, second, "two");
  EXPECT_EQ(receive(client.socket).body, "two");
  EXPECT_TRUE(receive(client.socket).ended);
  expect_signout(client);
}

TEST_P(PeerEnd, SoIsOneWhoseRequestFails) {
  start();
  const WorldClient client = world_->login(GetParam());
  ASSERT_TRUE(client.send(1));
  shutdown(client.socket.fd(), SHUT_WR);
  EXPECT_FALSE(receive(*echo_).ended);
  echo_->close();
  EXPECT_EQ(receive(client.socket).header.status(), pkt::SystemException);
  EXPECT_TRUE(receive(client.socket).ended);
  expect_signout(client);
}

// A close frame, and a reset: the connection goes at once, its sign-out waits.
TEST_P(PeerEnd, ASignOutWaitsForTheAnswersOfAChannelThatIsGone) {
  start();
  for (const bool reset : {false, true}) {
    WorldClient client = world_->login(GetParam());
    const std::uint64_t before = signouts();
    ASSERT_TRUE(client.send(1));
    const WorldPacket request = receive(*echo_);
    if (reset) {
      const linger at_once{1, 0};
      setsockopt(client.socket.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    } else {
      ASSERT_TRUE(client.socket.send(test::framed(Opcode::kClose, "")));
      EXPECT_EQ(receive(client.socket).close_words, "");
    }
    client.socket.close();
    const auto gone = [&] {
      return world_->group->shard(GetParam()).counters().get(GatewayGauge::kChannels) == 0;
    };
    EXPECT_TRUE(world_->until(gone));
    EXPECT_EQ(signouts(), before);
    World::answer(*echo_, request, "nobody reads this");
    expect_signout(client);
    EXPECT_EQ(world_->outstanding(GetParam()), 0u);
  }
}

TEST_P(PeerEnd, ItDoesNotWaitForAnswersThatDoNotCome) {
  start(300);
  WorldClient half_closed = world_->login(GetParam());
  ASSERT_TRUE(half_closed.send(1));
  shutdown(half_closed.socket.fd(), SHUT_WR);
  EXPECT_TRUE(receive(half_closed.socket).ended);
  expect_signout(half_closed);
  WorldClient closed = world_->login(GetParam());
  ASSERT_TRUE(closed.send(1));
  ASSERT_TRUE(closed.socket.send(test::framed(Opcode::kClose, "")));
  expect_signout(closed);
  for (int i = 0; i < 2; ++i) World::answer(*echo_, receive(*echo_));  // too late, and harmless
  EXPECT_TRUE(world_->until([&] { return world_->outstanding(GetParam()) == 0; }));
}

INSTANTIATE_TEST_SUITE_P(Gateway, PeerEnd, testing::Values(0u, 1u));

}  // namespace
}  // namespace ringgate
