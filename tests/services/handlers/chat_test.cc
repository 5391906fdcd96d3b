// Talks between accounts, and acks.
#include "codec/names.h"
#include "services/gateway/commands.h"
#include "services/store/message_ids.h"
#include "tests/services/handlers/chat_world.h"

namespace ringgate::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ChatTest : public ChatWorld {};
INSTANTIATE_TEST_SUITE_P(Stores, ChatTest,
                         testing::Values(StoreKind::kMemory, StoreKind::kSqlite,
                                         StoreKind::kPostgres),
                         name_of_kind);

TEST_P(ChatTest, TalkReachesTheReceiverOnAnotherGateway) {
  const TestClient alice = log_in("alice");
  const TestClient bob = log_in_elsewhere("bob");
  const std::int64_t before_ns = wall_clock_ns();
  alice.talk(5, "bob", "hello");

  const ReceivedPacket answer = gateway_->receive();
  EXPECT_EQ(answer.header.status(), pkt::Status::Success);
  EXPECT_EQ(answer.header.sequence(), 5);
  EXPECT_EQ(answer.header.dest(), "bob");
  const auto said = answer.parse<pkt::MessageResp>();
  EXPECT_GT(said.messageid(), 10'000);
  EXPECT_GE(said.sendtime(), before_ns);
  EXPECT_LE(said.sendtime(), wall_clock_ns());

  const ReceivedPacket push = other_->receive();
  EXPECT_EQ(push.header.command(), "chat.user.talk");
  EXPECT_EQ(push.header.flag(), pkt::Flag::Push);
  EXPECT_EQ(push.meta("dest.server"), "g2");
  EXPECT_EQ(push.meta("dest.channels"), bob.channel_id);
  const auto heard = push.parse<pkt::MessagePush>();
  EXPECT_EQ(heard.messageid(), said.messageid());
  EXPECT_EQ(heard.sendtime(), said.sendtime());
  EXPECT_EQ(heard.sender(), "alice");
  EXPECT_EQ(heard.type(), 1);
  EXPECT_EQ(heard.body(), "hello");
  EXPECT_EQ(heard.extra(), "extra");
}

TEST_P(ChatTest, TalkToSomebodyOfflineOrUnknownIsKept) {
  const TestClient alice = log_in("alice");
  const auto said = talk(alice, "bob", "hello");
  EXPECT_GT(said.messageid(), 10'000);
  const TestClient bob = log_in_elsewhere("bob");
  EXPECT_THAT(index_ids(bob, 0), ElementsAre(said.messageid()));
  EXPECT_EQ(contents(bob, {said.messageid()}).front().body(), "hello");
}

TEST_P(ChatTest, TalkToOneselfIsKeptAndNotPushed) {
  const TestClient alice = log_in("alice");
  const auto said = talk(alice, "alice", "hello");
  EXPECT_THAT(index_ids(alice, 0), ElementsAre(said.messageid())) << "nothing came between";
}

TEST_P(ChatTest, TheSameAccountOfAnotherAppHearsAndFindsNothing) {
  const TestClient alice = log_in("alice");
  const TestClient bob = log_in_elsewhere("bob", "other");
  const auto said = talk(alice, "bob", "hello");
  EXPECT_THAT(index_ids(bob, -1), IsEmpty());
  EXPECT_EQ(contents(bob, {said.messageid()}).front().ByteSizeLong(), 0u);
}

// "other,bob" would be bob's place in the app "other".
TEST_P(ChatTest, AReceiverThatIsNoAccountsNameIsRefused) {
  const TestClient alice = log_in("alice");
  const TestClient bob = log_in_elsewhere("bob", "other");
  for (const std::string& dest : {std::string(), std::string("other,bob"), std::string(","),
                                  std::string("a\nb"), std::string(kMaxAccountBytes + 1, 'a')}) {
    for (const char* const command : {"chat.user.talk", "chat.group.talk"}) {
      say(alice, command, dest, "hello", pkt::Status::NoDestination);
    }
  }
  EXPECT_THAT(index_ids(bob, -1), IsEmpty());
}

TEST_P(ChatTest, MessageIdsGrow) {
  const TestClient alice = log_in("alice");
  std::int64_t last = 0;
  for (std::uint32_t i = 0; i < 50; ++i) alice.talk(i, "nobody", "hello");
  for (std::uint32_t i = 0; i < 50; ++i) {
    const ReceivedPacket answer = gateway_->receive();
    EXPECT_EQ(answer.header.sequence(), i);
    const std::int64_t id = answer.parse<pkt::MessageResp>().messageid();
    EXPECT_GT(id, last);
    last = id;
  }
}

TEST_P(ChatTest, EveryCommandWantsALoginAndABodyThatItKnows) {
  const TestClient stranger{*gateway_, "g1", "eve", "g1_eve_1"};
  const TestClient alice = log_in("alice");
  std::size_t commands = 0;
  for (const std::string_view command : kKnownCommands) {
    if (!command.starts_with("chat.")) continue;
    ++commands;
    stranger.ask(command, ++sequence_, {}, "bob");
    const auto refused = answered(stranger, pkt::Status::SessionNotFound);
    EXPECT_FALSE(refused.message().empty()) << command;
    alice.ask(command, ++sequence_, "\xFF\xFF", "bob");
    answered(alice, pkt::Status::InvalidPacketBody);
  }
  EXPECT_EQ(commands, 10u) << "all of the protocol";
  alice.ask("chat.group.dissolve", ++sequence_, {}, "group");
  answered(alice, pkt::Status::NotImplemented);
}

TEST_P(ChatTest, TextsBeyondTheirBoundsAreRefusedAndCounted) {
  const TestClient alice = log_in("alice");
  pkt::MessageReq message;
  message.set_body(std::string(chat_.max_body_bytes, 'b'));
  message.set_extra(std::string(chat_.max_extra_bytes, 'e'));
  const auto said = ask<pkt::MessageResp>(alice, "chat.user.talk", message, 0, "alice");
  EXPECT_EQ(contents(alice, {said.messageid()}).front().body(), message.body());
  message.mutable_body()->push_back('b');
  ask(alice, "chat.user.talk", message, pkt::Status::SystemException, "alice");
  message.mutable_body()->pop_back();
  message.mutable_extra()->push_back('e');
  ask(alice, "chat.group.talk", message, pkt::Status::SystemException, "group");
  EXPECT_EQ(service_->count(LogicCounter::kTextTooLong), 2u);
}

TEST_P(ChatTest, AnAckMovesTheBeginningOfTheIndex) {
  const TestClient alice = log_in("alice");
  const auto first = talk(alice, "bob", "1");
  const auto second = talk(alice, "bob", "2");
  const TestClient bob = log_in_elsewhere("bob");
  pkt::MessageAckReq ack;
  ask(bob, "chat.talk.ack", ack);
  EXPECT_THAT(index_ids(bob, 0), ElementsAre(first.messageid(), second.messageid()))
      << "an ack of nothing";
  ack.set_messageid(first.messageid());
  bob.ask("chat.talk.ack", ++sequence_, ack.SerializeAsString());
  const ReceivedPacket answer = other_->receive();
  EXPECT_EQ(answer.header.status(), pkt::Status::Success);
  EXPECT_TRUE(answer.body.empty());
  EXPECT_THAT(index_ids(bob, 0), ElementsAre(second.messageid()));
}

// All apps share their accounts, and so their messages.
class EveryAppChatTest : public ChatWorld {
 protected:
  void SetUp() override {
    chat_.default_app = "*";
    start();
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, EveryAppChatTest, testing::Values(StoreKind::kMemory),
                         name_of_kind);

TEST_P(EveryAppChatTest, MessagesAndGroupsAreSharedAsAccountsAre) {
  const TestClient alice = log_in("alice", "kim");
  const auto said = talk(alice, "bob", "hello");
  const std::string group = create(alice, {"bob"});
  const TestClient bob = log_in_elsewhere("bob", "shop");
  EXPECT_THAT(index_ids(bob, 0), ElementsAre(said.messageid()));
  EXPECT_THAT(members(bob, group), ElementsAre("bob"));
}

}  // namespace
}  // namespace ringgate::test
