// Accounts that talk, log in twice and leave, over real services.
#include <gtest/gtest.h>

#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

void expect_talk(Client& from, Client& to, std::uint32_t sequence) {
  const std::string text = "from " + from.account;
  from.send(talk(to.account, text, sequence));
  const Event answer = from.next();
  ASSERT_TRUE(answer.is_answer(sequence)) << answer;
  const Event push = to.next();
  ASSERT_EQ(push.kind, Event::Kind::kLogic) << push;
  EXPECT_EQ(push.header.flag(), pkt::Push);
  EXPECT_EQ(push.header.command(), "chat.user.talk");
  EXPECT_EQ(push.header.meta_size(), 0);
  const auto message = push.parse<pkt::MessagePush>();
  EXPECT_EQ(message.body(), text);
  EXPECT_EQ(message.sender(), from.account);
  EXPECT_EQ(message.messageid(), answer.parse<pkt::MessageResp>().messageid());
}

class TalkOverShards : public testing::TestWithParam<const char*> {};

TEST_P(TalkOverShards, BothWays) {
  TalkBench bench{{{"Shards", "2"}, {"Lanes", GetParam()}}};
  auto [alice, bob] = log_in_on_two_shards(bench.gateway);
  ASSERT_NE(alice.shard(), bob.shard());
  for (std::uint32_t i = 2; i < 50; ++i) {
    expect_talk(alice, bob, i);
    expect_talk(bob, alice, i);
  }
  EXPECT_EQ(bench.gateway.metric("ringgate_links"), std::string_view(GetParam()) == "true" ? 2 : 1);
}

INSTANTIATE_TEST_SUITE_P(Talk, TalkOverShards, testing::Values("true", "false"),
                         [](const auto& test) {
                           return std::string_view(test.param) == "true" ? "WithLanes"
                                                                         : "WithoutLanes";
                         });

TEST(Talk, ToOneselfComesBackAndToNobodySucceeds) {
  TalkBench bench;
  Client alice = log_in(bench.gateway, "alice");
  alice.send(talk("nobody", "hello", 2));
  EXPECT_TRUE(alice.next().is_answer(2));
  alice.send(talk("", "hello", 3));
  EXPECT_TRUE(alice.next().is_answer(3, pkt::NoDestination));
  alice.send(packet(header("chat.talk.ack", 4)));
  EXPECT_TRUE(alice.next().is_answer(4));
  alice.send(packet(header("chat.user.talk", 5, "nobody"), "\xff\xff"));
  EXPECT_TRUE(alice.next().is_answer(5, pkt::InvalidPacketBody));
  alice.send(packet(header("chat.group.unheard.of", 6)));
  EXPECT_TRUE(alice.next().is_answer(6, pkt::NotImplemented));
}

TEST(Talk, BetweenTwoAppsFindsNobody) {
  TalkBench bench;
  Client alice = log_in(bench.gateway, "alice");
  Client bob{bench.gateway.connect(), "bob", {}};
  bob.send(login(token("bob", {.app = "another"})));
  EXPECT_TRUE(bob.next().is_answer(1));
  alice.send(talk("bob", "not for this bob", 2));
  EXPECT_TRUE(alice.next().is_answer(2));
  bob.send(ping());
  EXPECT_EQ(bob.next().kind, Event::Kind::kPong) << "and no push before it";
}

TEST(KickOut, EndsTheOlderSessionAndLeavesTheNewerAlone) {
  TalkBench bench{{{"Shards", "2"}}};
  Client carol = log_in(bench.gateway, "carol");
  for (int round = 0; round < 5; ++round) {  // same and different shards
    Client old = log_in(bench.gateway, "alice");
    Client now = log_in(bench.gateway, "alice");
    const Event kicked = old.next();
    EXPECT_EQ(kicked.header.command(), "login.signin");
    EXPECT_EQ(kicked.header.flag(), pkt::Push);
    EXPECT_EQ(kicked.parse<pkt::KickoutNotify>().channelid(), old.channel);
    const Event close = old.next();
    EXPECT_EQ(close.kind, Event::Kind::kClose);
    EXPECT_EQ(close.payload, "kicked_out");
    EXPECT_EQ(old.next().kind, Event::Kind::kEnd);
    old.frames.socket().close();
    expect_talk(carol, now, 10);
    now.send(talk("carol", "still here", 3));
    EXPECT_TRUE(now.next().is_answer(3));
    EXPECT_EQ(carol.next().parse<pkt::MessagePush>().body(), "still here");
    now.frames.socket().close();
    bench.gateway.wait_metric_is("ringgate_clients", 1);
    bench.gateway.wait_metric_is("ringgate_signouts_total", round + 1);  // one for two logins
  }
}

TEST(KickOut, NoSignOutFollowsIt) {
  Bench bench;
  Client old = bench.log_in("alice");
  Client now = bench.log_in("alice");
  bench.link.kick_out("g1", old.channel);
  EXPECT_EQ(old.next().header.flag(), pkt::Push);
  EXPECT_EQ(old.next().payload, "kicked_out");
  EXPECT_EQ(old.next().kind, Event::Kind::kEnd);
  now.frames.socket().close();
  EXPECT_EQ(bench.link.request("login.signout").header.channelid(), now.channel);
  EXPECT_FALSE(bench.link.has_next());
}

TEST(SignOut, AnAccountThatLeftIsSentNothing) {
  TalkBench bench;
  Client alice = log_in(bench.gateway, "alice");
  Client bob = log_in(bench.gateway, "bob");
  bob.frames.socket().close();
  bench.gateway.wait_metric("ringgate_signouts_total", 1);
  // The sign-out went to the service before this talk goes.
  alice.send(talk("bob", "too late", 2));
  EXPECT_TRUE(alice.next().is_answer(2));
  EXPECT_EQ(bench.gateway.metric("ringgate_push_to_gone_channel_total"), 0);
}

TEST(SignOut, CarriesTheChannelAndTheGatewayOnly) {
  Bench bench;
  Client alice = bench.log_in("alice");
  alice.frames.socket().reset();
  const Event signout = bench.link.request("login.signout");
  EXPECT_EQ(signout.header.channelid(), alice.channel);
  EXPECT_EQ(signout.header.meta_size(), 1);
  EXPECT_EQ(signout.meta("dest.server"), "g1");
  bench.link.respond(signout);  // finds no channel: no error
  bench.log_in("bob");
  EXPECT_EQ(bench.gateway.metric("ringgate_push_to_gone_channel_total"), 0);
}

TEST(SignOut, WaitsForALoginServiceThatIsAway) {
  Bench bench;
  Client alice = bench.log_in("alice");
  bench.link.frames().socket().close();
  bench.login.listener() = Listener();  // nobody answers at the registered port
  bench.gateway.wait_metric_is("ringgate_links", 0);
  alice.frames.socket().close();
  bench.gateway.wait_metric("ringgate_signouts_waiting", 1);
  RawService back(bench.world, "login01", "login", {}, bench.login.service().port);
  Link link = back.accept();
  EXPECT_EQ(link.request("login.signout").header.channelid(), alice.channel);
  bench.gateway.wait_metric_is("ringgate_signouts_waiting", 0);
}

TEST(SignOut, IsGivenUpAfterItsTime) {
  Bench bench{{{"SignoutKeep", "50ms"}}};
  Client alice = bench.log_in("alice");
  bench.link.frames().socket().close();
  bench.login.listener() = Listener();
  bench.gateway.wait_metric_is("ringgate_links", 0);
  alice.frames.socket().close();
  bench.gateway.wait_metric("ringgate_signouts_dropped_total", 1);
  EXPECT_EQ(bench.gateway.metric("ringgate_signouts_waiting"), 0);
}

}  // namespace
}  // namespace ringgate::test
