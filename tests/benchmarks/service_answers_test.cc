// What the played service answers, over bytes.
#include "benchmarks/ringbench/service_answers.h"

#include <gmock/gmock.h>

#include <deque>
#include <utility>

#include "tests/integration/packets.h"

namespace ringgate::bench {
namespace {

using test::add_meta;
using test::Event;
using test::header;

constexpr LinkId kLink{3, 1};
constexpr LinkId kOtherLink{4, 0};

class Answers : public ::testing::Test {
 protected:
  void receive(const pkt::Header& head, std::string_view body, LinkId link = kLink) {
    const std::string bytes = test::packet(head, body).substr(kTcpFrameHeadBytes);
    answers_.on_packet(link, "g1", as_bytes(bytes));
  }
  void sign_in(const std::string& channel, const std::string& account, LinkId link = kLink) {
    pkt::Session session;
    session.set_channelid(channel);
    session.set_account(account);
    receive(request("login.signin", 1, channel), session.SerializeAsString(), link);
  }
  static pkt::Header request(std::string_view command, std::uint32_t sequence,
                             const std::string& channel, std::string_view dest = {}) {
    pkt::Header head = header(command, sequence, dest);
    head.set_channelid(channel);
    add_meta(head, "app", "kim");
    add_meta(head, "account", "account of " + channel);
    add_meta(head, "dest.server", "g9");
    return head;
  }
  // The next packet that was written, and the link.
  std::pair<LinkId, Event> next() {
    EXPECT_FALSE(written_.empty());
    if (written_.empty()) return {};
    const auto [link, bytes] = std::move(written_.front());
    written_.pop_front();
    EXPECT_EQ(bytes[0], static_cast<char>(Opcode::kBinary));
    return {link, test::read_packet(std::string_view(bytes).substr(kTcpFrameHeadBytes))};
  }
  [[nodiscard]] std::uint64_t errors(ErrorKind kind) const {
    return tally_.errors[static_cast<std::size_t>(kind)];
  }

  Options options_ = [] {
    Options options;
    options.service.names = {"login", "chat"};
    return options;
  }();
  ServiceChannels channels_;
  Tally tally_;
  bool has_room_ = true;
  std::deque<std::pair<LinkId, std::string>> written_;
  ServiceAnswers answers_{options_, channels_, tally_,
                          [this](LinkId link, std::size_t bytes) -> std::uint8_t* {
                            if (!has_room_) return nullptr;
                            written_.emplace_back(link, std::string(bytes, '\0'));
                            return reinterpret_cast<std::uint8_t*>(written_.back().second.data());
                          }};
};

TEST_F(Answers, ASignInGetsItsChannelAndIsRemembered) {
  sign_in("g1_alice_1", "alice");
  const auto [link, answer] = next();
  EXPECT_EQ(link, kLink);
  EXPECT_TRUE(answer.is_answer(1)) << answer;
  EXPECT_EQ(answer.header.command(), "login.signin");
  EXPECT_EQ(answer.header.channelid(), "g1_alice_1");
  EXPECT_EQ(answer.meta("dest.server"), "g1") << "the link's, not the packet's";
  EXPECT_EQ(answer.meta("dest.channels"), "g1_alice_1");
  EXPECT_EQ(answer.count_meta("app"), 0);
  EXPECT_EQ(answer.parse<pkt::LoginResp>().channelid(), "g1_alice_1");
  EXPECT_EQ(answer.parse<pkt::LoginResp>().account(), "alice");
  ASSERT_NE(channels_.of_account("alice"), nullptr);
  EXPECT_EQ(channels_.of_account("alice")->link, kLink);
  EXPECT_EQ(channels_.of_account("alice")->gateway_id, "g1");
}

TEST_F(Answers, ASignInThatIsNoSessionIsNotRemembered) {
  receive(request("login.signin", 5, "c"), "\xff\xff");
  EXPECT_TRUE(next().second.is_answer(5, pkt::InvalidPacketBody));
  EXPECT_EQ(channels_.size(), 0U);
  EXPECT_EQ(errors(ErrorKind::kMalformed), 1U);
}

TEST_F(Answers, ASignOutForgetsTheChannel) {
  sign_in("c", "alice");
  next();
  receive(request("login.signout", 0, "c"), {});
  EXPECT_TRUE(next().second.is_answer(0));
  EXPECT_EQ(channels_.size(), 0U);
}

TEST_F(Answers, AnythingElseGetsItsOwnBody) {
  receive(request("echo.ping", 77, "c", "somebody"), "the body");
  const Event answer = next().second;
  EXPECT_TRUE(answer.is_answer(77)) << answer;
  EXPECT_EQ(answer.body, "the body");
  EXPECT_EQ(answer.header.dest(), "somebody");
  EXPECT_EQ(answer.meta("dest.channels"), "c");
}

// A client that sends channelId itself: the gateway appends its own, and the last one counts.
TEST_F(Answers, AHeaderThatIsNotCanonicalIsReadAsProtobufDoes) {
  const std::string head = request("echo.ping", 8, "mine").SerializeAsString() + "\x12\x04real";
  const std::string bytes = test::raw_packet(head, "b").substr(kTcpFrameHeadBytes);
  answers_.on_packet(kLink, "g1", as_bytes(bytes));
  EXPECT_EQ(next().second.header.channelid(), "real");
}

TEST_F(Answers, ATalkIsPushedToItsReceiverOverTheReceiversLink) {
  sign_in("c1", "alice");
  sign_in("c2", "bob", kOtherLink);
  next();
  next();
  pkt::MessageReq message;
  message.set_type(1);
  message.set_body("hello");
  message.set_extra("more");
  receive(request("chat.user.talk", 9, "c1", "bob"), message.SerializeAsString());
  const auto [link, push] = next();
  EXPECT_EQ(link, kOtherLink);
  EXPECT_EQ(push.header.flag(), pkt::Push);
  EXPECT_EQ(push.header.dest(), "bob");
  EXPECT_EQ(push.meta("dest.channels"), "c2");
  const auto pushed = push.parse<pkt::MessagePush>();
  EXPECT_EQ(pushed.type(), 1);
  EXPECT_EQ(pushed.body(), "hello");
  EXPECT_EQ(pushed.extra(), "more");
  EXPECT_EQ(pushed.sender(), "account of c1");
  const auto [answer_link, answer] = next();
  EXPECT_EQ(answer_link, kLink);
  EXPECT_TRUE(answer.is_answer(9)) << answer;
  EXPECT_EQ(answer.parse<pkt::MessageResp>().messageid(), pushed.messageid());
  EXPECT_EQ(answer.parse<pkt::MessageResp>().sendtime(), pushed.sendtime());
  EXPECT_GT(pushed.messageid(), 10'000);
}

TEST_F(Answers, ATalkToNobodySucceedsAndToNoDestinationDoesNot) {
  sign_in("c1", "alice");
  next();
  receive(request("chat.user.talk", 2, "c1", "nobody"), {});
  EXPECT_TRUE(next().second.is_answer(2));
  receive(request("chat.user.talk", 3, "c1", "alice"), {});
  EXPECT_TRUE(next().second.is_answer(3)) << "never pushed to the one who asked";
  receive(request("chat.user.talk", 4, "c1"), {});
  EXPECT_TRUE(next().second.is_answer(4, pkt::NoDestination));
  EXPECT_TRUE(written_.empty());
}

TEST_F(Answers, WithoutChatATalkIsOneOfTheOthers) {
  Options options;
  ServiceAnswers answers(options, channels_, tally_, [this](LinkId link, std::size_t bytes) {
    written_.emplace_back(link, std::string(bytes, '\0'));
    return reinterpret_cast<std::uint8_t*>(written_.back().second.data());
  });
  const std::string bytes =
      test::packet(request("chat.user.talk", 4, "c1", "bob"), "b").substr(kTcpFrameHeadBytes);
  answers.on_packet(kLink, "g1", as_bytes(bytes));
  EXPECT_EQ(next().second.body, "b");
}

TEST_F(Answers, WhatIsNoRequestIsCountedAndNotAnswered) {
  answers_.on_packet(kLink, "g1", as_bytes("garbage"));
  const std::string no_header("\xc3\x11\xa3\x65\0\0\0\x02\xff\xff\0\0\0\0", 14);
  answers_.on_packet(kLink, "g1", as_bytes(no_header));
  receive(header("echo.ping", 1), "of no channel");
  EXPECT_EQ(errors(ErrorKind::kMalformed), 3U);
  pkt::Header response = request("echo.ping", 1, "c");
  response.set_flag(pkt::Response);
  receive(response, {});
  EXPECT_EQ(errors(ErrorKind::kUnexpected), 1U);
  EXPECT_TRUE(written_.empty());
}

TEST_F(Answers, ALinkThatHasEndedTakesNoAnswer) {
  has_room_ = false;
  sign_in("c", "alice");
  EXPECT_TRUE(written_.empty());
}

TEST_F(Answers, ATalkToAChannelWithoutALinkIsCounted) {
  sign_in("c1", "alice");
  sign_in("c2", "bob", kOtherLink);
  next();
  next();
  channels_.on_link_down(kOtherLink, std::nullopt);
  receive(request("chat.user.talk", 2, "c1", "bob"), {});
  EXPECT_TRUE(next().second.is_answer(2));
  EXPECT_EQ(errors(ErrorKind::kConnectionLost), 1U);
}

}  // namespace
}  // namespace ringgate::bench
