#include "services/handlers/login.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "codec/names.h"
#include "services/store/memory.h"
#include "tests/services/handlers/test_clients.h"

namespace ringgate {
namespace {

struct LoginTest : testing::Test {
  LoginTest() { service.start(); }
  TestService service{with_messages(), memory_sessions(), add_chat};
  TestGateway gateway{service.port(), "g1"};
};

TEST_F(LoginTest, SignInIsAnsweredWithTheSession) {
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  alice.ask("login.signin", 42, alice.session().SerializeAsString());
  const ReceivedPacket answer = gateway.receive();
  EXPECT_EQ(answer.header.status(), pkt::Status::Success);
  EXPECT_EQ(answer.header.sequence(), 42);
  EXPECT_EQ(answer.header.flag(), pkt::Flag::Response);
  const auto login = answer.parse<pkt::LoginResp>();
  EXPECT_EQ(login.channelid(), "g1_alice_1");
  EXPECT_EQ(login.account(), "alice");
}

TEST_F(LoginTest, ASessionOfAnotherChannelIsRefused) {
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  pkt::Session session = alice.session();
  session.set_channelid("g1_bob_1");
  alice.ask("login.signin", 1, session.SerializeAsString());
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::InvalidPacketBody);
}

TEST_F(LoginTest, AnAccountThatCouldBeAnotherAppsIsRefused) {
  for (const char* const account : {"", "other,bob", "line\nbreak"}) {
    const TestClient client{gateway, "g1", account, "g1_x_1"};
    EXPECT_EQ(client.sign_in(), pkt::Status::InvalidPacketBody) << account;
  }
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  alice.ask("login.signin", 1, "\xFF\xFF");
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::InvalidPacketBody);
}

// What another make's gateway lets through.
TEST_F(LoginTest, ASessionThatCouldNotBeKeptIsRefused) {
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  const std::vector<std::function<void(pkt::Session&)>> spoilers = {
      [](pkt::Session& session) { session.set_app("shop,alice"); },
      [](pkt::Session& session) { session.set_app("line\nbreak"); },
      [](pkt::Session& session) { session.set_zone("a\nb"); },
      [](pkt::Session& session) { session.set_isp(std::string(kMaxLabelBytes + 1, 'x')); },
      [](pkt::Session& session) { session.set_device("\x1b[2J"); },
      [](pkt::Session& session) { session.set_remoteip("\x7f"); },
      [](pkt::Session& session) { session.add_tags("a\nb"); },
      [](pkt::Session& session) {
        for (int i = 0; i < 1000; ++i) session.add_tags("tag");
      },
  };
  std::uint32_t sequence = 0;
  for (const auto& spoil : spoilers) {
    pkt::Session session = alice.session();
    spoil(session);
    alice.ask("login.signin", ++sequence, session.SerializeAsString());
    const ReceivedPacket answer = gateway.receive();
    EXPECT_EQ(answer.header.sequence(), sequence);
    EXPECT_EQ(answer.header.status(), pkt::Status::InvalidPacketBody) << sequence;
  }
}

// Its answers would go to two channels.
TEST_F(LoginTest, AChannelIdThatIsAListIsNotOne) {
  const TestClient list{gateway, "g1", "alice", "g1_alice_1,g1_bob_1"};
  list.ask("login.signin", 7, list.session().SerializeAsString());
  EXPECT_TRUE(service.wait_for(LogicCounter::kLinkPacketMalformed, 1));
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  EXPECT_EQ(alice.sign_in(), pkt::Status::Success) << "nothing was answered before";
}

TEST_F(LoginTest, AGatewayWhoseIdIsAListIsNotOne) {
  TestGateway list(service.port(), "g1,g2");
  EXPECT_TRUE(list.closed_by_peer());
}

TEST_F(LoginTest, ANewerLoginKicksTheOlderOut) {
  TestGateway other(service.port(), "g2");
  const TestClient older{gateway, "g1", "alice", "g1_alice_1"};
  const TestClient newer{other, "g2", "alice", "g2_alice_1"};
  EXPECT_EQ(older.sign_in(), pkt::Status::Success);
  EXPECT_EQ(newer.sign_in(), pkt::Status::Success);

  const ReceivedPacket kickout = gateway.receive();
  EXPECT_EQ(kickout.header.command(), "login.signin");
  EXPECT_EQ(kickout.header.flag(), pkt::Flag::Push);
  EXPECT_EQ(kickout.meta("dest.server"), "g1");
  EXPECT_EQ(kickout.meta("dest.channels"), "g1_alice_1");
  EXPECT_EQ(kickout.parse<pkt::KickoutNotify>().channelid(), "g1_alice_1");

  older.talk(2, "bob", "hello");
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::SessionNotFound);
  newer.talk(2, "bob", "hello");
  EXPECT_EQ(other.receive().header.status(), pkt::Status::Success);
}

TEST_F(LoginTest, EqualAccountsOfTwoAppsDoNotMeet) {
  const TestClient ours{gateway, "g1", "alice", "g1_alice_1", "kim"};
  const TestClient theirs{gateway, "g1", "alice", "g1_alice_2", "other"};
  EXPECT_EQ(ours.sign_in(), pkt::Status::Success);
  EXPECT_EQ(theirs.sign_in(), pkt::Status::Success);
  ours.talk(3, "bob", "hello");  // no kickout has come before its answer
  EXPECT_EQ(gateway.receive().header.sequence(), 3);
}

TEST_F(LoginTest, SignOutEndsTheSession) {
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  EXPECT_EQ(alice.sign_in(), pkt::Status::Success);
  EXPECT_EQ(alice.sign_out(), pkt::Status::Success);
  alice.talk(1, "bob", "hello");
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::SessionNotFound);
  EXPECT_EQ(alice.sign_out(), pkt::Status::Success);  // again: no error
}

TEST_F(LoginTest, ALateSignOutDoesNotEndTheNewerLogin) {
  const TestClient older{gateway, "g1", "alice", "g1_alice_1"};
  TestGateway other(service.port(), "g2");
  const TestClient newer{other, "g2", "alice", "g2_alice_2"};
  const TestClient bob{gateway, "g1", "bob", "g1_bob_1"};
  EXPECT_EQ(older.sign_in(), pkt::Status::Success);
  EXPECT_EQ(newer.sign_in(), pkt::Status::Success);
  EXPECT_EQ(gateway.receive().header.flag(), pkt::Flag::Push);
  EXPECT_EQ(older.sign_out(), pkt::Status::Success);

  EXPECT_EQ(bob.sign_in(), pkt::Status::Success);
  bob.talk(2, "alice", "hello");
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::Success);
  EXPECT_EQ(other.receive().meta("dest.channels"), "g2_alice_2");
}

TEST_F(LoginTest, TheSameChannelAgainIsNotKickedOut) {
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  EXPECT_EQ(alice.sign_in(), pkt::Status::Success);
  EXPECT_EQ(alice.sign_in(), pkt::Status::Success);
  alice.talk(7, "bob", "hello");
  const ReceivedPacket answer = gateway.receive();
  EXPECT_EQ(answer.header.sequence(), 7);
  EXPECT_EQ(answer.header.status(), pkt::Status::Success);
}

// All apps share their accounts, as services of other makes have it.
TEST(EveryAppTest, ALoginOfAnotherAppIsTheSameAccount) {
  TestService service{with_messages(), memory_sessions("*"), add_chat};
  service.start();
  TestGateway gateway{service.port(), "g1"};
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1", "kim"};
  const TestClient newer{gateway, "g1", "alice", "g1_alice_2", "shop"};
  EXPECT_EQ(alice.sign_in(), pkt::Status::Success);
  newer.ask("login.signin", 1, newer.session().SerializeAsString());
  EXPECT_EQ(gateway.receive().parse<pkt::KickoutNotify>().channelid(), "g1_alice_1");
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::Success);
}

// A gateway of another make registers a channel after it has forwarded its login.
TEST(LoginAnswerDelayTest, OnlyGatewaysOfAnotherMakeWait) {
  TestServiceOptions options;
  options.logic.login_answer_delay_ms = 3'600'000;
  TestService service{with_messages(options), memory_sessions(), add_chat};
  service.start();
  TestGateway other{service.port(), "g1"};
  TestGateway ours{service.port(), "g2", 0, "0123456789"};
  const TestClient alice{other, "g1", "alice", "g1_alice_1"};
  const TestClient bob{ours, "g2", "bob", "g2_bob_1"};
  alice.ask("login.signin", 1, alice.session().SerializeAsString());
  alice.ask("chat.user.talk", 2);  // behind it
  const TestClient carol{other, "g1", "carol", "g1_carol_1"};
  EXPECT_EQ(bob.sign_in(), pkt::Status::Success);
  carol.talk(7, "nobody", "hello");
  EXPECT_EQ(other.receive().header.sequence(), 7) << "and no login before it";
}

TEST(LoginAnswerDelayTest, IsOverAtItsTime) {
  TestServiceOptions options;
  options.logic.login_answer_delay_ms = 5;
  TestService service{with_messages(options), memory_sessions(), add_chat};
  service.start();
  TestGateway other{service.port(), "g1"};
  EXPECT_EQ((TestClient{other, "g1", "alice", "g1_alice_1"}.sign_in()), pkt::Status::Success);
}

}  // namespace
}  // namespace ringgate
