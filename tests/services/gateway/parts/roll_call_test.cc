// What services that take roll calls are told: that the gateway lives, who is there, and who is
// not.
#include <chrono>

#include "tests/services/gateway/world.h"

namespace ringgate {
namespace {

using test::receive;
using test::TcpPeer;
using test::World;
using test::WorldClient;
using test::WorldOptions;
using test::WorldPacket;

WorldOptions quick() {
  WorldOptions options;
  options.gateway.roll_call_beat_ms = 20;
  return options;
}

struct RollCall : testing::Test {
  explicit RollCall(const WorldOptions& options = quick()) : world(options) {
    CatalogueEntry login = test::login_entry();
    login.takes_roll_calls = true;
    world.publish({test::echo_entry(), login});
    world.login_link = std::make_unique<TcpPeer>(world.link(1, 0));
  }
  [[nodiscard]] const TcpPeer& link() const { return *world.login_link; }

  // The next packet of that command; beats are answered with `epoch` meanwhile.
  WorldPacket next(std::string_view command) {
    while (true) {
      WorldPacket got = receive(link());
      if (got.ended || got.header.command() == command) return got;
      if (got.header.command() == kCommandRollCall) take(got);
    }
  }
  void take(const WorldPacket& roll, const std::vector<std::string>& lost = {}) const {
    pkt::RollCallResp answer;
    answer.set_epoch(epoch);
    for (const std::string& channel : lost) answer.add_lost(channel);
    World::answer(link(), roll, answer.SerializeAsString());
  }
  // The next part of a roll call that names the channel; what comes before is taken.
  WorldPacket part_with(const std::string& channel) {
    while (true) {
      WorldPacket got = next(kCommandRollCall);
      if (got.ended) return got;
      pkt::RollCallReq roll;
      EXPECT_TRUE(roll.ParseFromString(got.body));
      for (const pkt::Session& one : roll.present()) {
        if (one.channelid() == channel) return got;
      }
      take(got);
    }
  }

  World world;
  std::uint64_t epoch = 1;
};

TEST_F(RollCall, ALinkBeginsWithThatTheGatewayLives) {
  const TcpPeer link = world.link(1, 1);
  const WorldPacket first = receive(link);
  EXPECT_EQ(first.header.command(), kCommandRollCall);
  EXPECT_EQ(first.body, "");
  EXPECT_EQ(first.header.channelid(),
            make_channel_id("g1", "", world.options.gateway.nonce,
                            place_of(first.header.channelid(), world.options.gateway.nonce)->shard,
                            0, 0));
}

TEST_F(RollCall, AnotherEpochMakesItSayWhoIsThere) {
  const WorldClient here = world.login(0, "alice");
  const WorldClient there = world.login(1, "bob");  // whose shard has no link
  for (const WorldClient* client : {&here, &there}) {
    ++epoch;
    const WorldPacket part = part_with(client->channel);
    pkt::RollCallReq roll;
    ASSERT_TRUE(roll.ParseFromString(part.body));
    const pkt::Session& session = roll.present(0);
    EXPECT_EQ(session.account(), client == &here ? "alice" : "bob");
    EXPECT_EQ(session.app(), "kim");
    EXPECT_EQ(session.remoteip(), "127.0.0.1");
    EXPECT_FALSE(roll.ends());
    take(part);
  }
}

TEST_F(RollCall, WhatWasNotTakenIsSaidAgain) {
  const WorldClient alice = world.login(0, "alice");
  ++epoch;
  const WorldPacket part = part_with(alice.channel);
  link().send(test::packet({.command = part.header.command(),
                            .channel_id = part.header.channelid(),
                            .sequence = part.header.sequence(),
                            .flag = Flag::kResponse,
                            .status = Status::kSystemException,
                            .dest_server = "g1",
                            .dest_channels = part.header.channelid()}));
  EXPECT_FALSE(part_with(alice.channel).ended);
  EXPECT_GE(world.count(0, GatewayCounter::kRollCallFailed), 1U);
}

// Where nothing else is said for an hour.
struct RareRollCall : RollCall {
  static WorldOptions options() {
    WorldOptions options;
    options.gateway.roll_call_beat_ms = 3'600'000;
    options.gateway.login_answer_timeout_ms = 300;
    return options;
  }
  RareRollCall() : RollCall(options()) {}
  void refuse(const WorldPacket& roll) const {
    link().send(test::packet({.command = roll.header.command(),
                              .channel_id = roll.header.channelid(),
                              .sequence = roll.header.sequence(),
                              .flag = Flag::kResponse,
                              .status = Status::kSystemException,
                              .dest_server = "g1",
                              .dest_channels = roll.header.channelid()}));
  }
};

TEST_F(RareRollCall, ABeatThatWasNotTakenIsSaidAgain) {
  for (int i = 0; i < 3; ++i) {
    const WorldPacket beat = receive(link());
    ASSERT_EQ(beat.header.command(), kCommandRollCall);
    EXPECT_EQ(beat.body, "");
    refuse(beat);
  }
  EXPECT_FALSE(receive(link()).ended) << "and without an answer";
  const WorldPacket last = receive(link());
  ASSERT_FALSE(last.ended);
  take(last);
}

// The pauses have a lower bound, which a busy machine cannot break.
TEST_F(RareRollCall, RoundsThatAreNotTakenComeWithPausesThatGrow) {
  const WorldClient alice = world.login(0, "alice");
  ++epoch;
  refuse(part_with(alice.channel));
  refuse(part_with(alice.channel));
  const auto begin = std::chrono::steady_clock::now();
  const WorldPacket third = part_with(alice.channel);
  ASSERT_FALSE(third.ended);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(1500));
  take(third);
}

TEST_F(RollCall, WhoseAccountIsElsewhereTwiceIsKickedOut) {
  const WorldClient alice = world.login(1, "alice");
  ++epoch;
  take(part_with(alice.channel), {alice.channel});
  ++epoch;  // a sign-in may have been undone meanwhile
  take(part_with(alice.channel), {alice.channel});
  const WorldPacket kickout = receive(alice.socket);
  EXPECT_EQ(kickout.header.command(), kCommandSignIn);
  EXPECT_EQ(kickout.header.flag(), pkt::Push);
  pkt::KickoutNotify notify;
  ASSERT_TRUE(notify.ParseFromString(kickout.body));
  EXPECT_EQ(notify.channelid(), alice.channel);
  EXPECT_EQ(receive(alice.socket).close_words, "kicked_out");
  EXPECT_EQ(world.count(1, GatewayCounter::kRollCallLost), 1U);
}

struct LingeringRollCall : RollCall {
  static WorldOptions options() {
    WorldOptions options = quick();
    options.gateway.kickout_linger_ms = 3'600'000;
    return options;
  }
  LingeringRollCall() : RollCall(options()) {}
};

TEST_F(LingeringRollCall, WhoseAccountIsElsewhereMayStayAsOneThatIsKickedOut) {
  const WorldClient alice = world.login(1, "alice");
  for (int times = 0; times < 2; ++times) {
    ++epoch;
    take(part_with(alice.channel), {alice.channel});
  }
  EXPECT_EQ(receive(alice.socket).header.command(), kCommandSignIn);
  alice.socket.send(test::framed(Opcode::kBinary, std::string("\xc3\x15\xa7\x65\0\1\0\0", 8)));
  EXPECT_TRUE(alice.socket.read_frame()) << "its pong";
}

struct SlowRollCall : RollCall {
  static WorldOptions options() {
    WorldOptions options = quick();
    options.gateway.roll_call_every_ms = 200;
    return options;
  }
  SlowRollCall() : RollCall(options()) {}
};

TEST_F(SlowRollCall, EverybodyIsSaidAgainInItsTime) {
  const WorldClient alice = world.login(0, "alice");
  const WorldClient bob = world.login(1, "bob");
  for (int i = 0; i < 3; ++i) {
    take(part_with(alice.channel));
    take(part_with(bob.channel));
  }
}

struct SignoutOfRollCall : RollCall {
  static WorldOptions options() {
    WorldOptions options = quick();
    options.gateway.login_answer_timeout_ms = 100;
    return options;
  }
  SignoutOfRollCall() : RollCall(options()) {}
};

TEST_F(SignoutOfRollCall, IsSaidUntilItIsConfirmed) {
  WorldClient alice = world.login(1, "alice");
  alice.socket.close();
  for (int i = 0; i < 3; ++i) {
    WorldPacket signout = next(kCommandSignOut);
    while (!signout.ended && signout.header.channelid() != alice.channel) {
      World::answer(link(), signout);  // of those that were on the wrong shard
      signout = next(kCommandSignOut);
    }
    ASSERT_FALSE(signout.ended);
    pkt::Session whose;
    ASSERT_TRUE(whose.ParseFromString(signout.body));
    EXPECT_EQ(whose.account(), "alice");
    EXPECT_EQ(whose.app(), "kim");
    if (i == 2) World::answer(link(), signout);
  }
  // Its last answer stops it: the next sign-out is another's, whenever it comes.
  const std::uint64_t repeated = world.count(1, GatewayCounter::kSignoutsRepeated);
  WorldClient bob = world.login(1, "bob");
  bob.socket.close();
  WorldPacket signout = next(kCommandSignOut);
  while (signout.header.channelid() != bob.channel) signout = next(kCommandSignOut);
  World::answer(link(), signout);
  EXPECT_GE(repeated, 2U);
}

TEST_F(RollCall, APushToNobodyIsAnsweredWithItsSignOut) {
  const WorldClient alice = world.login(0, "alice");
  std::string gone = alice.channel;
  gone.back() = gone.back() == '1' ? '2' : '1';
  link().send(test::packet({.command = "chat.user.talk",
                            .flag = Flag::kPush,
                            .dest_server = "g1",
                            .dest_channels = gone}));
  WorldPacket signout = next(kCommandSignOut);
  while (!signout.ended && signout.header.channelid() != gone) signout = next(kCommandSignOut);
  EXPECT_EQ(signout.header.channelid(), gone);
}

TEST_F(RollCall, TheLastWordIsThatTheBootHasEnded) {
  const WorldClient alice = world.login(0, "alice");
  for (std::uint32_t shard = 0; shard < 2; ++shard) world.group->post(shard, kMailEndBoot, {});
  world.group->flush();
  pkt::RollCallReq roll;
  while (!roll.ends()) {
    const WorldPacket got = next(kCommandRollCall);
    ASSERT_FALSE(got.ended);
    ASSERT_TRUE(roll.ParseFromString(got.body));
    take(got);
  }
  EXPECT_TRUE(world.until([&] {
    while (test::readable(link().fd(), 0)) {  // what was said before it
      const WorldPacket got = receive(link());
      if (got.header.command() == kCommandRollCall) take(got);
    }
    return world.boot_ended.size() == 2;
  }));
}

// Of another make: it sees the bytes that it has always seen.
TEST(NoRollCall, ForAServiceThatDoesNotTakeIt) {
  World world(quick());
  world.start_login();
  WorldClient alice = world.login(0, "alice");
  alice.socket.close();
  const WorldPacket signout = receive(*world.login_link);
  EXPECT_EQ(signout.header.command(), kCommandSignOut);
  EXPECT_EQ(signout.body, "");
  WorldClient bob = world.login(1, "bob");
  for (std::uint32_t shard = 0; shard < 2; ++shard) world.group->post(shard, kMailEndBoot, {});
  world.group->flush();
  EXPECT_TRUE(world.until([&] { return world.boot_ended.size() == 2; }));
  bob.socket.close();
  EXPECT_EQ(receive(*world.login_link).header.command(), kCommandSignOut) << "and nothing before";
  EXPECT_EQ(world.count(GatewayCounter::kRollCallSaid), 0U);
}

TEST(KickoutLinger, AKickedClientMayStayAndCloseByItself) {
  WorldOptions options;
  options.gateway.kickout_linger_ms = 3'600'000;
  World world(options);
  world.start_login();
  WorldClient alice = world.login(0, "alice");
  const auto kick_out = [&](const WorldClient& client) {
    world.login_link->send(test::packet({.command = kCommandSignIn,
                                         .flag = Flag::kPush,
                                         .dest_server = "g1",
                                         .dest_channels = client.channel}));
  };
  kick_out(alice);
  EXPECT_EQ(receive(alice.socket).header.command(), kCommandSignIn);
  alice.socket.send(test::framed(Opcode::kBinary, std::string("\xc3\x15\xa7\x65\0\1\0\0", 8)));
  EXPECT_TRUE(alice.socket.read_frame()) << "its pong";
  alice.socket.close();
  EXPECT_TRUE(world.until(
      [&] { return world.group->shard(0).counters().get(GatewayGauge::kChannels) == 0; }));

  options.gateway.kickout_linger_ms = 50;
  world.reload(options.gateway);
  WorldClient bob = world.login(0, "bob");  // no sign-out of alice came before
  kick_out(bob);
  EXPECT_EQ(receive(bob.socket).header.command(), kCommandSignIn);
  EXPECT_EQ(receive(bob.socket).close_words, "kicked_out");
}

}  // namespace
}  // namespace ringgate
