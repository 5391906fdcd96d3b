#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "codec/dropped_meta.h"
#include "codec/packet.h"
#include "codec/pkt.pb.h"
#include "codec/rewrite.h"
#include "services/client/session.h"
#include "services/client/text.h"
#include "tests/services/client/gateway_packets.h"

namespace ringgate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = client::Command::Kind;
using State = client::Session::State;

// --- Lines ----------------------------------------------------------------------------------

TEST(ClientText, ReadsCommands) {
  EXPECT_EQ(client::parse_command("ping").kind, Kind::kPing);
  EXPECT_EQ(client::parse_command("  ping \r").kind, Kind::kPing);
  EXPECT_EQ(client::parse_command("quit").kind, Kind::kQuit);
  EXPECT_EQ(client::parse_command("help").kind, Kind::kHelp);
  EXPECT_EQ(client::parse_command("").kind, Kind::kNothing);
  EXPECT_EQ(client::parse_command(" \t").kind, Kind::kNothing);
  const client::Command talk = client::parse_command("talk bob  hello  big world ");
  EXPECT_EQ(talk.kind, Kind::kTalk);
  EXPECT_EQ(talk.to, "bob");
  EXPECT_EQ(talk.text, "hello  big world");
  EXPECT_EQ(client::parse_command("echo a b").text, "a b");
}

TEST(ClientText, ExplainsWhatIsNoCommand) {
  for (const char* line : {"talk", "talk bob", "echo", "ping now", "PING", "say hi", "\xff"}) {
    const client::Command command = client::parse_command(line);
    EXPECT_EQ(command.kind, Kind::kInvalid) << line;
    EXPECT_FALSE(command.text.empty()) << line;
  }
}

TEST(ClientText, FormatsTimes) {
  EXPECT_EQ(client::format_utc(1'767'323'045'678'901'234), "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(client::format_utc(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(client::format_utc(-1), "1969-12-31T23:59:59.999Z");
}

TEST(ClientText, ExplainsStatuses) {
  EXPECT_EQ(client::explain_status(105), "the token was refused (status 105)");
  EXPECT_THAT(client::explain_status(300), HasSubstr("unavailable or the outcome is unknown"));
  EXPECT_THAT(client::explain_status(301), HasSubstr("does not know this command"));
  EXPECT_THAT(client::explain_status(404), HasSubstr("session"));
  EXPECT_THAT(client::explain_status(777), HasSubstr("status 777"));
  EXPECT_THAT(client::explain_status(65'536), HasSubstr("error"))
      << "not cut to 16 bits, which is Success";
}

// --- The session ----------------------------------------------------------------------------

class ClientSessionTest : public ::testing::Test {
 protected:
  ClientSessionTest()
      : session_(
            "alice", client::make_tcp_transport(),
            [this](client::Session::Line kind, std::string_view line) {
              (kind == client::Session::Line::kOutput ? output_ : problems_).emplace_back(line);
            }) {
    session_.start("a.b.c", now_);
  }

  void receive(const std::string& bytes) { session_.receive(as_bytes(bytes), now_); }
  void type(const char* line) { session_.run(client::parse_command(line), now_); }

  std::vector<Sent> take_sent() {
    const std::vector<Sent> all = parse_sent(session_.unsent());
    session_.sent(session_.unsent().size());
    return all;
  }

  void log_in() {
    receive(login_answer());
    ASSERT_EQ(session_.state(), State::kReady);
    take_sent();
    output_.clear();
  }

  std::int64_t now_ = 1000 * client::kNsPerS;
  std::vector<std::string> output_;
  std::vector<std::string> problems_;
  client::Session session_;
};

TEST_F(ClientSessionTest, LogsIn) {
  EXPECT_FALSE(session_.wants_input());
  const std::vector<Sent> sent = take_sent();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].header.command(), "login.signin");
  pkt::LoginReq login;
  ASSERT_TRUE(login.ParseFromString(sent[0].body));
  EXPECT_EQ(login.token(), "a.b.c");
  receive(login_answer(sent[0].header.sequence()));
  EXPECT_THAT(output_, ElementsAre("logged in as alice, channel g1_alice_7"));
  EXPECT_TRUE(session_.wants_input());
}

TEST_F(ClientSessionTest, ReadsAnyChunks) {
  for (const char byte : login_answer() + talk_push("hi")) receive(std::string(1, byte));
  EXPECT_THAT(output_, ElementsAre("logged in as alice, channel g1_alice_7",
                                   "from bob: hi (message id 99)"));
}

TEST_F(ClientSessionTest, SaysWhyTheLoginWasRefused) {
  pkt::ErrorResp error;
  error.set_message("the token has expired");
  receive(response(1, error.SerializeAsString(), Status::kUnauthorized));
  EXPECT_THAT(problems_, ElementsAre("the login failed: the token was refused (status 105): "
                                     "the token has expired"));
  EXPECT_TRUE(session_.ended());
  EXPECT_EQ(session_.exit_code(), 1);
}

TEST_F(ClientSessionTest, GivesUpALoginWithoutAnswer) {
  EXPECT_EQ(session_.next_due_ns(), now_ + client::kLoginAnswerNs);
  session_.tick(now_ + client::kLoginAnswerNs - 1);
  EXPECT_FALSE(session_.ended());
  session_.tick(now_ + client::kLoginAnswerNs);
  EXPECT_TRUE(session_.ended());
  EXPECT_EQ(session_.exit_code(), 1);
}

TEST_F(ClientSessionTest, MatchesAnswersBySequence) {
  log_in();
  type("talk bob hello");
  type("echo there");
  const std::vector<Sent> sent = take_sent();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].header.command(), "chat.user.talk");
  EXPECT_EQ(sent[0].header.dest(), "bob");
  pkt::MessageReq message;
  ASSERT_TRUE(message.ParseFromString(sent[0].body));
  EXPECT_EQ(message.body(), "hello");
  EXPECT_EQ(sent[1].header.command(), "echo.text");
  EXPECT_EQ(sent[1].body, "there");

  receive(response(4711, "an answer to nothing"));
  receive(response(sent[1].header.sequence(), "there"));
  receive(talk_answer(sent[0].header.sequence()));
  EXPECT_THAT(output_, ElementsAre("echo: there",
                                   "sent to bob: message id 12345, sent 2026-01-02T03:04:05.678Z"));
  EXPECT_EQ(session_.exit_code(), 0);
}

TEST_F(ClientSessionTest, GoesOnAfterARefusedRequest) {
  log_in();
  type("talk bob hello");
  receive(response(take_sent().at(0).header.sequence(), "", Status::kSystemException));
  EXPECT_THAT(problems_,
              ElementsAre("talk to bob failed: the service is unavailable or the outcome "
                          "is unknown (status 300)"));
  EXPECT_TRUE(session_.wants_input());
  EXPECT_EQ(session_.exit_code(), 1);
}

TEST_F(ClientSessionTest, MeasuresPings) {
  log_in();
  type("ping");
  const std::vector<Sent> sent = take_sent();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_TRUE(sent[0].ping);
  now_ += 210'000;
  receive(pong());
  EXPECT_THAT(output_, ElementsAre("pong 0.21 ms"));
  receive(pong());
  EXPECT_EQ(output_.size(), 1U) << "a pong that nobody asked for";
}

TEST_F(ClientSessionTest, AcknowledgesMessages) {
  log_in();
  receive(talk_push("hello\x1b[2J"));
  EXPECT_THAT(output_, ElementsAre("from bob: hello\\x1b[2J (message id 99)"));
  const std::vector<Sent> sent = take_sent();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].header.command(), "chat.talk.ack");
  pkt::MessageAckReq ack;
  ASSERT_TRUE(ack.ParseFromString(sent[0].body));
  EXPECT_EQ(ack.messageid(), 99);
  receive(response(sent[0].header.sequence(), ""));
  EXPECT_EQ(output_.size(), 1U);
}

TEST_F(ClientSessionTest, TellsHowManyPushesWereDropped) {
  log_in();
  pkt::Header header;
  header.set_command("presence.state");
  header.set_flag(pkt::Push);
  const std::string fields = header.SerializeAsString();
  const DroppedMeta dropped(7);
  const PushHeader both{{as_bytes(fields), dropped.field(), {}},
                        fields.size() + dropped.field().size()};
  const std::array<std::uint8_t, kBodyLengthBytes> no_body = {};
  std::string packet(push_packet_bytes(both, no_body), '\0');
  write_push_packet(reinterpret_cast<std::uint8_t*>(packet.data()), both, no_body);
  receive(frame(Opcode::kBinary, packet));
  EXPECT_THAT(output_,
              ElementsAre("7 pushes before this one were dropped: they were not read in time",
                          "push presence.state, 0 bytes"));
}

TEST_F(ClientSessionTest, QuitWaitsForAnswersThenCloses) {
  log_in();
  type("talk bob hello");
  type("ping");
  type("quit");
  EXPECT_EQ(session_.state(), State::kQuitting);
  EXPECT_FALSE(session_.wants_input());
  const std::uint32_t sequence = take_sent().at(0).header.sequence();
  receive(talk_push("an acknowledgement is not waited for"));
  EXPECT_EQ(take_sent().size(), 1U);
  receive(talk_answer(sequence));
  EXPECT_EQ(session_.state(), State::kQuitting);
  receive(pong());
  EXPECT_EQ(session_.state(), State::kClosing);
  EXPECT_EQ(take_sent().at(0).opcode, Opcode::kClose);
  receive(frame(Opcode::kClose, ""));
  EXPECT_TRUE(session_.ended());
  EXPECT_EQ(session_.exit_code(), 0);
  EXPECT_THAT(problems_, IsEmpty());
}

TEST_F(ClientSessionTest, QuitDoesNotWaitForEver) {
  log_in();
  type("talk bob hello");
  type("quit");
  session_.tick(now_ + client::kQuitWaitNs);
  EXPECT_THAT(problems_, ElementsAre("no answer within 5 s to 1 of what was sent"));
  EXPECT_EQ(session_.state(), State::kClosing);
  session_.tick(session_.next_due_ns());
  EXPECT_TRUE(session_.ended());
  EXPECT_EQ(session_.exit_code(), 1);
}

TEST_F(ClientSessionTest, EndsWhenTheAccountLogsInElsewhere) {
  log_in();
  pkt::KickoutNotify notify;
  notify.set_channelid("g1_alice_7");
  receive(packet({.command = "login.signin", .flag = Flag::kPush}, notify.SerializeAsString()) +
          frame(Opcode::kClose, "kicked out"));
  EXPECT_THAT(problems_,
              ElementsAre("this account logged in elsewhere; the gateway closed this session"));
  EXPECT_TRUE(session_.ended());
  EXPECT_EQ(session_.exit_code(), 1);
}

TEST_F(ClientSessionTest, PrintsTheReasonOfAClose) {
  log_in();
  receive(frame(Opcode::kClose, "the gateway is shutting down"));
  EXPECT_THAT(problems_,
              ElementsAre("the gateway closed the connection: the gateway is shutting down"));
  EXPECT_TRUE(session_.ended());
}

TEST_F(ClientSessionTest, IsToComeAgainWhereTheGatewaySaysSo) {
  log_in();
  receive(frame(Opcode::kClose, "draining; retry_in_ms=1500; at=10.0.0.8:8001"));
  EXPECT_TRUE(session_.ended());
  ASSERT_TRUE(session_.come_again());
  EXPECT_EQ(session_.come_again()->in_ns, 1'500'000'000);
  EXPECT_EQ(session_.come_again()->at, "10.0.0.8:8001");
  EXPECT_EQ(session_.exit_code(), 0);
}

TEST_F(ClientSessionTest, WhatHasNoAnswerWhenTheGatewayGoesHasFailed) {
  log_in();
  session_.run(client::parse_command("echo hello"), 0);
  receive(frame(Opcode::kClose, "draining; retry_in_ms=1500"));
  EXPECT_TRUE(session_.come_again());
  EXPECT_EQ(session_.exit_code(), 1);
}

TEST_F(ClientSessionTest, WhoIsQuittingDoesNotComeAgain) {
  log_in();
  session_.run(client::parse_command("echo hello"), 0);
  session_.quit(0);
  receive(frame(Opcode::kClose, "draining; retry_in_ms=1500"));
  EXPECT_TRUE(session_.ended());
  EXPECT_FALSE(session_.come_again());
  EXPECT_EQ(session_.exit_code(), 1);
}

TEST_F(ClientSessionTest, SaysWhenTheConnectionEnds) {
  log_in();
  session_.disconnected({});
  EXPECT_THAT(problems_, ElementsAre("the gateway closed the connection"));
  EXPECT_EQ(session_.exit_code(), 1);
}

TEST_F(ClientSessionTest, AnswersPingFrames) {
  log_in();
  receive(frame(Opcode::kPing, "payload"));
  const std::vector<Sent> sent = take_sent();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].opcode, Opcode::kPong);
  EXPECT_EQ(sent[0].body, "payload");
}

TEST_F(ClientSessionTest, NoticesWhatIsNoGateway) {
  receive("HTTP/1.1 400 Bad Request\r\n\r\n");
  EXPECT_TRUE(session_.ended());
  EXPECT_THAT(problems_.at(0), HasSubstr("does not speak the gateway's TCP protocol"));
}

TEST_F(ClientSessionTest, RefusesAPacketThatCannotBeRead) {
  log_in();
  receive(frame(Opcode::kBinary, "rubbish"));
  EXPECT_TRUE(session_.ended());
  EXPECT_EQ(session_.exit_code(), 1);
}

TEST_F(ClientSessionTest, KeepsASilentConnectionAlive) {
  log_in();
  now_ = session_.next_due_ns();
  session_.tick(now_);
  EXPECT_TRUE(take_sent().at(0).ping);
  receive(pong());
  EXPECT_THAT(output_, IsEmpty()) << "nobody asked for this one";
  now_ = session_.next_due_ns();
  session_.tick(now_);
  EXPECT_EQ(take_sent().size(), 1U);
  session_.tick(session_.next_due_ns());
  EXPECT_TRUE(session_.ended()) << "no pong for a whole heartbeat";
}

TEST_F(ClientSessionTest, StopsReadingInputWhenAnswersAreLate) {
  log_in();
  for (std::size_t i = 0; i < client::kMaxOutstanding; ++i) {
    ASSERT_TRUE(session_.wants_input());
    type("ping");
  }
  EXPECT_FALSE(session_.wants_input());
  receive(pong());
  EXPECT_TRUE(session_.wants_input());
}

}  // namespace
}  // namespace ringgate
