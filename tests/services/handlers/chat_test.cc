#include "services/handlers/chat.h"

#include <gtest/gtest.h>

#include <string>

#include "codec/names.h"
#include "services/gateway/commands.h"
#include "services/store/memory.h"
#include "services/store/message_ids.h"
#include "tests/services/handlers/test_clients.h"

namespace ringgate {
namespace {

struct ChatTest : testing::Test {
  ChatTest() { service.start(); }
  TestService service{{}, memory_store(), add_chat_handlers};
  TestGateway gateway{service.port(), "g1"};
  TestGateway other{service.port(), "g2"};
  TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  TestClient bob{other, "g2", "bob", "g2_bob_1"};
};

TEST_F(ChatTest, TalkReachesTheReceiverOnAnotherGateway) {
  ASSERT_EQ(alice.sign_in(), pkt::Status::Success);
  ASSERT_EQ(bob.sign_in(), pkt::Status::Success);
  const std::int64_t before_ns = wall_clock_ns();
  alice.talk(5, "bob", "hello");

  const ReceivedPacket answer = gateway.receive();
  EXPECT_EQ(answer.header.status(), pkt::Status::Success);
  EXPECT_EQ(answer.header.sequence(), 5);
  EXPECT_EQ(answer.header.dest(), "bob");
  const auto said = answer.parse<pkt::MessageResp>();
  EXPECT_GT(said.messageid(), 10'000);
  EXPECT_GE(said.sendtime(), before_ns);
  EXPECT_LE(said.sendtime(), wall_clock_ns());

  const ReceivedPacket push = other.receive();
  EXPECT_EQ(push.header.command(), "chat.user.talk");
  EXPECT_EQ(push.header.flag(), pkt::Flag::Push);
  EXPECT_EQ(push.meta("dest.server"), "g2");
  EXPECT_EQ(push.meta("dest.channels"), "g2_bob_1");
  const auto heard = push.parse<pkt::MessagePush>();
  EXPECT_EQ(heard.messageid(), said.messageid());
  EXPECT_EQ(heard.sendtime(), said.sendtime());
  EXPECT_EQ(heard.sender(), "alice");
  EXPECT_EQ(heard.type(), 1);
  EXPECT_EQ(heard.body(), "hello");
  EXPECT_EQ(heard.extra(), "extra");
}

TEST_F(ChatTest, TalkToSomebodyOfflineSucceeds) {
  ASSERT_EQ(alice.sign_in(), pkt::Status::Success);
  alice.talk(1, "nobody", "hello");
  const ReceivedPacket answer = gateway.receive();
  EXPECT_EQ(answer.header.status(), pkt::Status::Success);
  EXPECT_GT(answer.parse<pkt::MessageResp>().messageid(), 10'000);
}

TEST_F(ChatTest, TalkToOneselfIsNotPushed) {
  ASSERT_EQ(alice.sign_in(), pkt::Status::Success);
  alice.talk(1, "alice", "hello");
  EXPECT_EQ(gateway.receive().header.flag(), pkt::Flag::Response);
  alice.talk(2, "nobody", "hello");
  EXPECT_EQ(gateway.receive().header.sequence(), 2);  // nothing came between
}

TEST_F(ChatTest, TheSameAccountOfAnotherAppHearsNothing) {
  bob.app = "other";
  ASSERT_EQ(alice.sign_in(), pkt::Status::Success);
  ASSERT_EQ(bob.sign_in(), pkt::Status::Success);
  alice.talk(1, "bob", "hello");
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::Success);
  bob.talk(2, "nobody", "hello");
  EXPECT_EQ(other.receive().header.sequence(), 2);
}

// "other,bob" would be bob's place in the app "other".
TEST_F(ChatTest, AReceiverThatIsNoAccountsNameIsRefused) {
  bob.app = "other";
  ASSERT_EQ(alice.sign_in(), pkt::Status::Success);
  ASSERT_EQ(bob.sign_in(), pkt::Status::Success);
  std::uint32_t sequence = 0;
  for (const std::string& dest : {std::string("other,bob"), std::string(","), std::string("a\nb"),
                                  std::string(kMaxAccountBytes + 1, 'a')}) {
    alice.talk(++sequence, dest, "hello");
    const ReceivedPacket answer = gateway.receive();
    EXPECT_EQ(answer.header.sequence(), sequence);
    EXPECT_EQ(answer.header.status(), pkt::Status::NoDestination) << dest;
    EXPECT_FALSE(answer.parse<pkt::ErrorResp>().message().empty());
  }
  bob.talk(1, "nobody", "hello");
  EXPECT_EQ(other.receive().header.flag(), pkt::Flag::Response) << "nothing came before";
}

TEST_F(ChatTest, MessageIdsGrow) {
  ASSERT_EQ(alice.sign_in(), pkt::Status::Success);
  std::int64_t last = 0;
  for (std::uint32_t i = 0; i < 50; ++i) alice.talk(i, "nobody", "hello");
  for (std::uint32_t i = 0; i < 50; ++i) {
    const ReceivedPacket answer = gateway.receive();
    EXPECT_EQ(answer.header.sequence(), i);
    const std::int64_t id = answer.parse<pkt::MessageResp>().messageid();
    EXPECT_GT(id, last);
    last = id;
  }
}

TEST_F(ChatTest, RefusesWhatItCannotDo) {
  alice.talk(1, "", "hello");
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::NoDestination);
  alice.talk(2, "bob", "hello");
  const ReceivedPacket unknown = gateway.receive();
  EXPECT_EQ(unknown.header.status(), pkt::Status::SessionNotFound);
  EXPECT_FALSE(unknown.parse<pkt::ErrorResp>().message().empty());
  ASSERT_EQ(alice.sign_in(), pkt::Status::Success);
  alice.ask("chat.user.talk", 3, "\xFF\xFF", "bob");
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::InvalidPacketBody);
}

// As the README says.
TEST_F(ChatTest, GroupsAndOfflineMessagesAreNotServedYet) {
  ASSERT_EQ(alice.sign_in(), pkt::Status::Success);
  std::uint32_t sequence = 1;
  for (const std::string_view command : kKnownCommands) {
    if (!command.starts_with("chat.group.") && !command.starts_with("chat.offline.")) continue;
    alice.ask(std::string(command), ++sequence, {}, "group");
    EXPECT_EQ(gateway.receive().header.status(), pkt::Status::NotImplemented) << command;
  }
  EXPECT_EQ(sequence, 9U);  // all eight of the protocol
}

TEST_F(ChatTest, Acknowledges) {
  pkt::MessageAckReq acknowledged;
  acknowledged.set_messageid(123456);
  alice.ask("chat.talk.ack", 1, acknowledged.SerializeAsString());
  const ReceivedPacket answer = gateway.receive();
  EXPECT_EQ(answer.header.status(), pkt::Status::Success);
  EXPECT_TRUE(answer.body.empty());
  alice.ask("chat.talk.ack", 2, "\xFF\xFF");
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::InvalidPacketBody);
}

}  // namespace
}  // namespace ringgate
