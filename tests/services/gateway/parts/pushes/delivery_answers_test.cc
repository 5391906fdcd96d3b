// Answers and kick-outs on their way to channels, and what goes by way of another shard.
#include <algorithm>
#include <string>
#include <vector>

#include "tests/services/gateway/parts/pushes/deliveries_fixture.h"

namespace ringgate {
namespace {

using test::Bodies;
using test::DeliveriesPart;
using test::Got;
using test::kEcho;
using test::Mail;
using test::TestClient;

// --- Kick-outs and answers ----------------------------------------------------------------------

TEST_F(DeliveriesPart, AKickOutIsDeliveredAndEndsTheConnection) {
  const TestClient alice = gateway_.channel("alice");
  bool kicked_out = false;
  gateway_.channel_ended = [&](Connection&, Channel& channel) {
    kicked_out = channel.kicked_out;
    Channel::destroy(gateway_.it.shard.pool(), &channel);
  };
  kick_out(id(alice));
  const std::vector<Got> got = gateway_.got(*alice.peer);
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].header.command(), kCommandSignIn);
  EXPECT_EQ(got[1].closed, "kicked_out");
  EXPECT_TRUE(kicked_out) << "so that no sign-out follows";
}

TEST_F(DeliveriesPart, AKickOutThatIsFasterThanTheLoginsAnswerIsRemembered) {
  const TestClient alice = gateway_.channel("alice", ChannelState::kLoggingIn);
  kick_out(id(alice));
  EXPECT_TRUE(alice.connection->open());
  EXPECT_TRUE(channel_of(*alice.connection)->kicked_out);
}

// Its service may do the roll call after the sign-out, and take the channel for one that is there.
TEST_F(DeliveriesPart, ASignOutIsNotConfirmedWhileARollCallMayNameItsChannel) {
  gateway_.context.options.login_answer_timeout_ms = 100;
  gateway_.context.upstreams.find(test::kLogin)->takes_roll_calls = true;
  const TestClient alice = gateway_.channel("alice");
  const std::string channel = id(alice);
  gateway_.channel_ended = [this](Connection&, Channel& gone) { signouts_.sign_out(gone); };
  const auto next_packet = [this] {
    const std::vector<Got> got = gateway_.got(*login_);
    EXPECT_EQ(got.size(), 1U);
    return got.empty() ? pkt::Header() : got.back().header;
  };
  const auto take = [this](const pkt::Header& asked, std::string_view body) {
    send(*login_,
         {.command = asked.command(),
          .sequence = asked.sequence(),
          .flag = Flag::kResponse,
          .dest_server = "g1",
          .dest_channels = asked.channelid()},
         body);
  };
  roll_call_.beat_now();
  // The epoch is another one than before, so who is there is to be told.
  take(next_packet(), "\x08\x01");
  roll_call_.on_tick();
  const pkt::Header part = next_packet();
  EXPECT_EQ(part.command(), kCommandRollCall);
  EXPECT_TRUE(roll_call_.is_telling());
  alice.peer->ended = true;
  take(next_packet(), {});  // its sign-out
  EXPECT_FALSE(signouts_.none_waits());
  take(part, "\x08\x01");
  EXPECT_FALSE(roll_call_.is_telling());
  gateway_.pass(150);
  signouts_.on_tick();
  const pkt::Header again = next_packet();
  EXPECT_EQ(again.command(), kCommandSignOut);
  EXPECT_EQ(again.channelid(), channel);
  take(again, {});
  EXPECT_TRUE(signouts_.none_waits());
}

TEST_F(DeliveriesPart, AnAnswerIsDeliveredOnceAndALateOneNever) {
  const TestClient alice = gateway_.channel("alice");
  outstanding(alice, 1);
  answer(id(alice), 1, "first");
  answer(id(alice), 1, "second");
  answer(id(alice), 2, "of no question");
  EXPECT_EQ(bodies(alice), Bodies{"first"});
  EXPECT_EQ(count(GatewayCounter::kAnswerLate), 2u);
}

TEST_F(DeliveriesPart, WhoHasEndedItsSideIsClosedBehindItsLastAnswer) {
  const TestClient alice = gateway_.channel("alice");
  outstanding(alice, 1);
  alice.connection->saw_eof = true;
  answer(id(alice), 1, "the last");
  const std::vector<Got> got = gateway_.got(*alice.peer);
  ASSERT_GE(got.size(), 1u);
  EXPECT_EQ(got[0].body, "the last");
  EXPECT_EQ(gateway_.it.handler.reasons, std::vector<CloseReason>{CloseReason::kPeerClosed});
}

// A service that takes roll calls believes that somebody is there who is not.
TEST_F(DeliveriesPart, OnlyAPushOfAServiceThatTakesRollCallsIsAnsweredWithASignOut) {
  Upstream& echo = *gateway_.context.upstreams.find(kEcho);
  push(id_on(0), "from one that does not");
  echo.takes_roll_calls = true;
  answer(id_on(0), 1, "no push");
  push("nonsense", "of no boot of ours");
  EXPECT_TRUE(gateway_.got(*login_).empty());
  push(id_on(0), "a push");
  const std::vector<Got> got = gateway_.got(*login_);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].header.command(), kCommandSignOut);
  EXPECT_EQ(got[0].header.channelid(), id_on(0));
}

// --- Other shards -------------------------------------------------------------------------------

struct TwoShards : DeliveriesPart {
  TwoShards() : DeliveriesPart(2) {}
  std::vector<Mail> delivered() {
    std::vector<Mail> all = gateway_.mail(1);
    std::erase_if(all, [](const Mail& one) { return one.kind != kMailDeliver; });
    return all;
  }
};

TEST_F(TwoShards, EachGetsItsPartOfTheListInOnePiece) {
  const TestClient alice = gateway_.channel("alice");
  push(id_on(1, 3) + "," + id(alice) + "," + id_on(1, 4), "to three");
  EXPECT_EQ(bodies(alice), Bodies{"to three"});
  const std::vector<Mail> mail = delivered();
  ASSERT_EQ(mail.size(), 1u);
  ByteView rest = mail[0].message;
  const DeliveryHead head = kMailDeliver.read(rest);
  EXPECT_EQ(head.upstream, kEcho);
  EXPECT_EQ(as_text(rest.first(head.channels_bytes)), id_on(1, 3) + "," + id_on(1, 4));
  pkt::Header header;
  const ByteView its_header = rest.subspan(head.channels_bytes, head.header_bytes);
  ASSERT_TRUE(header.ParseFromArray(its_header.data(), static_cast<int>(its_header.size())));
  EXPECT_EQ(header.command(), "echo.push");
  EXPECT_EQ(header.meta_size(), 0);
  EXPECT_EQ(as_text(body_of_tail(rest.subspan(head.channels_bytes + head.header_bytes))),
            "to three");
}

TEST_F(TwoShards, AShardThatDoesNotExistIsNobodys) {
  push(id_on(2), "to nobody");
  EXPECT_TRUE(delivered().empty());
  EXPECT_EQ(count(GatewayCounter::kPushToGoneChannel), 1u);
}

// What was mailed to another is what this one takes.
TEST_F(TwoShards, WhatIsMailedIsDelivered) {
  const TestClient alice = gateway_.channel("alice");
  std::string there = id_on(1);
  push(there, "by mail");
  std::vector<Mail> mail = delivered();
  ASSERT_EQ(mail.size(), 1u);
  const std::string here = id(alice);
  ASSERT_EQ(here.size(), there.size());
  const auto at = std::ranges::search(mail[0].message, as_bytes(there));
  ASSERT_FALSE(at.empty());
  std::ranges::copy(here, at.begin());
  deliveries_.take(mail[0].message);
  EXPECT_EQ(bodies(alice), Bodies{"by mail"});
}

// The other shard reads nothing until it is looked at what it has.
TEST_F(TwoShards, AFloodOfPushesKeepsNeitherAnswersNorKickOutsOut) {
  const std::string body(4'000, 'b');
  for (int i = 0; i < 100 && count(GatewayCounter::kLinksHeld) == 0; ++i) push(id_on(1), body);
  kick_out(id_on(1));
  std::vector<Mail> mail = delivered();
  ASSERT_GE(mail.size(), 3u);
  ByteView last = mail.back().message;
  EXPECT_EQ(kMailDeliver.read(last).is_signin, 1u) << "its link is not held";
  answer(id_on(1), 1, "an answer");  // on the link that was
  mail = delivered();
  ASSERT_FALSE(mail.empty());
  last = mail.back().message;
  EXPECT_EQ(kMailDeliver.read(last).flag, static_cast<std::uint8_t>(Flag::kResponse));
  EXPECT_EQ(gateway_.count(Counter::kMailFull), 0u);
}

}  // namespace
}  // namespace ringgate
