#include "benchmarks/ringbench/client.h"

#include <gtest/gtest.h>

#include <vector>

#include "codec/packet.h"
#include "codec/rewrite.h"

namespace ringgate::bench {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::array<std::uint8_t, 3> kBody = {1, 2, 3};

Bytes answer(std::uint32_t sequence, Flag flag = Flag::kResponse, Status status = Status::kSuccess,
             std::string_view command = "echo.ping") {
  OutgoingHeader header;
  header.command = command;
  header.sequence = sequence;
  header.flag = flag;
  header.status = status;
  Bytes bytes(framed_packet_bytes(header, kBody.size()));
  write_framed_packet(bytes.data(), header, kBody);
  return bytes;
}

class ClientTest : public testing::Test {
 protected:
  ClientTest() { client_.set_output(output_); }

  Bytes ask() {
    client_.state = Client::State::kWaiting;
    const ByteView sent = client_.write_message(forward_);
    return {sent.begin(), sent.end()};
  }
  std::vector<Verdict> receive(ByteView bytes) {
    std::vector<Verdict> verdicts;
    intact_ = client_.receive(bytes, [&](const Verdict& verdict) { verdicts.push_back(verdict); });
    return verdicts;
  }
  void expect_error(ByteView bytes, ErrorKind kind) {
    const auto verdicts = receive(bytes);
    ASSERT_EQ(verdicts.size(), 1U);
    EXPECT_FALSE(verdicts[0].answered);
    EXPECT_EQ(name_of(verdicts[0].error), name_of(kind));
  }

  const Workload forward_{.mode = Mode::kForward, .command = "echo.ping", .body = kBody};
  std::array<std::uint8_t, 256> output_{};
  Client client_;
  bool intact_ = true;
};

TEST_F(ClientTest, SendsTheLoginFirstAndThenIncreasingSequences) {
  const Bytes body = {0x0a, 0x01, 't'};
  const ByteView login = client_.write_login(body);
  const Packet packet = parse_packet(login.subspan(kTcpFrameHeadBytes), 4096);
  HeaderScan scan;
  ASSERT_EQ(scan_header(packet.header, 8, scan), ScanStatus::kCanonical);
  EXPECT_EQ(scan.command, "login.signin");
  EXPECT_EQ(scan.sequence, 1U);
  EXPECT_EQ(Bytes(packet.body.begin(), packet.body.end()), body);

  for (std::uint32_t sequence = 2; sequence < 5; ++sequence) {
    const Bytes sent = ask();
    EXPECT_LE(sent.size(), Client::message_room(forward_));
    const Packet request = parse_packet(ByteView(sent).subspan(kTcpFrameHeadBytes), 4096);
    ASSERT_EQ(scan_header(request.header, 8, scan), ScanStatus::kCanonical);
    EXPECT_EQ(scan.command, "echo.ping");
    EXPECT_EQ(scan.sequence, sequence);
  }
}

TEST_F(ClientTest, TakesTheAnswerWithItsSequenceInEveryChunking) {
  for (std::uint32_t round = 1; round < 200; ++round) {
    ask();
    const Bytes bytes = answer(round);
    const std::size_t cut = round % bytes.size();
    ASSERT_TRUE(receive(ByteView(bytes).first(cut)).empty());
    const auto verdicts = receive(ByteView(bytes).subspan(cut));
    ASSERT_EQ(verdicts.size(), 1U);
    EXPECT_TRUE(verdicts[0].answered);
    EXPECT_TRUE(verdicts[0].settled);
  }
}

TEST_F(ClientTest, TakesAnAnswerByteByByteAndTwoFramesAtOnce) {
  ask();
  Bytes bytes = answer(1);
  const Bytes push = answer(9, Flag::kPush);
  bytes.insert(bytes.end(), push.begin(), push.end());
  std::vector<Verdict> verdicts;
  for (const std::uint8_t byte : bytes) {
    for (const Verdict& verdict : receive(ByteView(&byte, 1))) verdicts.push_back(verdict);
  }
  ASSERT_EQ(verdicts.size(), 2U);
  EXPECT_EQ(receive(bytes).size(), 2U);
}

TEST_F(ClientTest, AnotherSequenceAnswersNothing) {
  ask();
  expect_error(answer(2), ErrorKind::kWrongSequence);
  expect_error(answer(0), ErrorKind::kWrongSequence);
  EXPECT_TRUE(receive(answer(1)).at(0).answered);
  client_.state = Client::State::kReady;
  expect_error(answer(1), ErrorKind::kWrongSequence);
}

TEST_F(ClientTest, AnErrorStatusSettlesTheRequestWithoutCountingAsAnAnswer) {
  ask();
  const auto verdicts = receive(answer(1, Flag::kResponse, Status::kSystemException));
  ASSERT_EQ(verdicts.size(), 1U);
  EXPECT_FALSE(verdicts[0].answered);
  EXPECT_TRUE(verdicts[0].settled);
  EXPECT_EQ(name_of(verdicts[0].error), "status");
  EXPECT_EQ(verdicts[0].status, 300U);
}

TEST_F(ClientTest, TellsPushesFromAnswers) {
  ask();
  expect_error(answer(1, Flag::kPush), ErrorKind::kUnexpected);
  expect_error(answer(1, Flag::kPush, Status::kSuccess, "login.signin"), ErrorKind::kKickedOut);
  expect_error(answer(1, Flag::kRequest), ErrorKind::kUnexpected);
  expect_error(kTcpPong, ErrorKind::kUnexpected);
}

TEST_F(ClientTest, APongAnswersAPingOnly) {
  const Workload ping{.mode = Mode::kPing, .command = {}, .body = {}};
  expect_error(kTcpPong, ErrorKind::kUnexpected);
  client_.state = Client::State::kWaiting;
  const ByteView sent = client_.write_message(ping);
  EXPECT_TRUE(std::equal(sent.begin(), sent.end(), kTcpPing.begin(), kTcpPing.end()));
  expect_error(kTcpPing, ErrorKind::kUnexpected);
  expect_error(answer(0), ErrorKind::kWrongSequence);
  EXPECT_TRUE(receive(kTcpPong).at(0).answered);
}

TEST_F(ClientTest, GivesUpOnWhatIsNoFrameAndCountsWhatIsNoPacket) {
  ask();
  const Bytes no_packet = {0x02, 0, 0, 0, 4, 1, 2, 3, 4};
  expect_error(no_packet, ErrorKind::kMalformed);
  const Bytes close_frame = {0x08, 0, 0, 0, 0};
  expect_error(close_frame, ErrorKind::kUnexpected);
  EXPECT_TRUE(intact_);
  EXPECT_TRUE(receive(Bytes{0x77}).empty());
  EXPECT_FALSE(intact_);
}

}  // namespace
}  // namespace ringgate::bench
