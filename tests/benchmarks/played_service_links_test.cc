// The played service and a gateway that only a test can be.
#include <gmock/gmock.h>

#include "benchmarks/ringbench/push_body.h"
#include "tests/benchmarks/played_service_world.h"

namespace ringgate::test {
namespace {

using bench::ErrorKind;
using bench::kMillisecondNs;
using bench::monotonic_ns;

class PlayedLinks : public ::testing::Test {
 protected:
  void start(const bench::Options& options = {}) {
    options_ = played(world_, options);
    service_ = start_played(options_, state_);
  }
  // `receive_buffer_bytes` 0: the kernel's default.
  FrameSocket connect(int receive_buffer_bytes = 0) {
    const std::uint16_t port = must_be_registered(world_, "login").port;
    return FrameSocket(Socket::connect(port, receive_buffer_bytes));
  }
  static void shake_hands(FrameSocket& link) {
    pkt::InnerHandshakeReq handshake;
    handshake.set_serviceid("g9");
    link.send(frame(Opcode::kBinary, handshake.SerializeAsString()));
  }
  static void sign_in(FrameSocket& link, const std::string& channel) {
    pkt::Session session;
    session.set_account(channel);
    pkt::Header request = header("login.signin", 1);
    request.set_channelid(channel);
    link.send(packet(request, session.SerializeAsString()));
    EXPECT_TRUE(link.next().is_answer(1));
  }
  [[nodiscard]] std::uint64_t errors_of(ErrorKind kind) const {
    return errors(service_->tally(), kind);
  }

  World world_;
  bench::Options options_;
  bench::RunState state_;
  std::unique_ptr<bench::PlayedService> service_;
};

TEST_F(PlayedLinks, AnswerPingsWithTheirPayloadAndACloseWithAClose) {
  start();
  FrameSocket link = connect();
  shake_hands(link);
  link.send(frame(Opcode::kPing, "beat"));
  const Event pong = link.next();
  EXPECT_EQ(pong.opcode, Opcode::kPong);
  EXPECT_EQ(pong.payload, "beat");
  EXPECT_EQ(service_->links(), 1U);
  link.send(frame(Opcode::kClose, ""));
  EXPECT_EQ(link.next().kind, Event::Kind::kClose);
  EXPECT_EQ(link.next().kind, Event::Kind::kEnd);
  wait_until("no link", [&] { return service_->links() == 0; });
  service_->stop();
  EXPECT_EQ(errors_of(ErrorKind::kConnectionLost), 0U);
}

TEST_F(PlayedLinks, TakeFramesInAnyPieces) {
  start();
  FrameSocket link = connect();
  pkt::InnerHandshakeReq handshake;
  handshake.set_serviceid("g9");
  pkt::Header request = header("echo.ping", 3);
  request.set_channelid("c");
  const std::string bytes = frame(Opcode::kBinary, handshake.SerializeAsString()) +
                            packet(request, "one") + frame(Opcode::kPing, "") +
                            packet(request, "two");
  for (const char byte : bytes) link.send(std::string_view(&byte, 1));
  EXPECT_EQ(link.next().body, "one");
  EXPECT_EQ(link.next().opcode, Opcode::kPong);
  EXPECT_EQ(link.next().body, "two");
}

TEST_F(PlayedLinks, EndOverWhatIsNoHandshakeOrNoFrame) {
  start();
  FrameSocket text = connect();
  text.send(frame(Opcode::kText, "hello"));
  EXPECT_EQ(text.next().kind, Event::Kind::kEnd);
  FrameSocket garbage = connect();
  garbage.send(frame(Opcode::kBinary, "\xff\xff\xff"));
  EXPECT_EQ(garbage.next().kind, Event::Kind::kEnd);
  FrameSocket link = connect();
  shake_hands(link);
  link.send(std::string("\x02\x01\x00\x00\x01", 5));  // a byte more than 16 MiB
  EXPECT_EQ(link.next().kind, Event::Kind::kEnd);
  service_->stop();
  EXPECT_EQ(errors_of(ErrorKind::kMalformed), 3U);
  EXPECT_EQ(service_->links(), 0U);
}

TEST_F(PlayedLinks, AreNoneWhileAServiceHasNone) {
  bench::Options options;
  options.service.names = {"login", "chat"};
  start(options);
  FrameSocket link = connect();
  shake_hands(link);
  sign_in(link, "c");
  EXPECT_EQ(service_->links(), 0U) << "nobody has come to chat";
}

// A gateway that does not read: pushes wait here, and all come when it reads again.
TEST_F(PlayedLinks, ThatAreFullHoldPushesBack) {
  for (const bool open_loop : {false, true}) {
    bench::Options options;
    options.scenario = bench::Scenario::kPush;
    options.body_bytes = 64 * 1024;
    options.in_flight = 1'000'000;
    if (open_loop) options.rate = 2000;
    state_.phase = bench::Phase::kSetUp;
    start(options);
    FrameSocket link = connect(64 * 1024);
    shake_hands(link);
    sign_in(link, "c");
    state_.window_begin_ns = 0;
    state_.window_end_ns = monotonic_ns() + 300 * kMillisecondNs;
    state_.phase = bench::Phase::kRun;
    wait_until("the window's end", [&] { return monotonic_ns() > state_.window_end_ns; });
    const std::uint64_t held_back = service_->pushes_sent();
    EXPECT_LT(held_back, 400U) << "of 64 KiB: about what the kernel takes";
    state_.phase = bench::Phase::kDrain;
    std::uint64_t received = 0;
    while (link.has_next(300ms)) {  // open loop: what was meant in time is still sent
      const auto stamp = bench::read_push_stamp(as_bytes(link.next().body));
      EXPECT_EQ(stamp.value().number, received);
      ++received;
    }
    service_->stop();
    EXPECT_EQ(received, service_->pushes_sent());
    EXPECT_EQ(service_->tally().of(bench::Action::kDelivery).due, received);
    EXPECT_EQ(service_->tally().lag.max_ns() > 50 * kMillisecondNs, open_loop);
    if (open_loop) {
      EXPECT_GT(received, 500U) << "of 600";
    }
    EXPECT_EQ(errors_of(ErrorKind::kUnanswered), 0U);
    service_.reset();
  }
}

// Open loop, and a gateway that never reads: what never left is an error, and counts as sent.
TEST_F(PlayedLinks, ThatStayFullMakeErrors) {
  bench::Options options;
  options.scenario = bench::Scenario::kPush;
  options.body_bytes = 64 * 1024;
  options.rate = 10'000;
  start(options);
  FrameSocket link = connect(64 * 1024);
  shake_hands(link);
  sign_in(link, "c");
  state_.window_begin_ns = 0;
  state_.window_end_ns = monotonic_ns() + 200 * kMillisecondNs;
  state_.phase = bench::Phase::kRun;
  wait_until("the window's end", [&] { return monotonic_ns() > state_.window_end_ns; });
  state_.phase = bench::Phase::kDrain;
  service_->stop();
  const std::uint64_t never = errors_of(ErrorKind::kNotSent);
  EXPECT_GT(never, 0U);
  EXPECT_EQ(service_->tally().never(bench::Unsent::kNoRoom), never);
  EXPECT_EQ(service_->tally().of(bench::Action::kDelivery).due, service_->pushes_sent() + never);
}

// Closed loop: what is lost would be outstanding for good.
TEST_F(PlayedLinks, LostPushesDoNotStopAClosedLoop) {
  bench::Options options;
  options.scenario = bench::Scenario::kPush;
  options.in_flight = 2;
  start(options);
  FrameSocket link = connect();
  shake_hands(link);
  sign_in(link, "c");
  state_.window_begin_ns = 0;
  state_.phase = bench::Phase::kRun;
  wait_until("a third push", [&] { return service_->pushes_sent() > 2; });
}

// Channels belong to a gateway, and go on over its next link.
TEST_F(PlayedLinks, ThatComeAgainFindTheirChannels) {
  bench::Options options;
  options.scenario = bench::Scenario::kPush;
  options.in_flight = 1;
  start(options);
  {
    FrameSocket first = connect();
    shake_hands(first);
    sign_in(first, "c");
  }
  wait_until("no link", [&] { return service_->links() == 0; });
  FrameSocket second = connect();
  shake_hands(second);
  state_.phase = bench::Phase::kRun;
  EXPECT_EQ(second.next().meta("dest.channels"), "c");
}

}  // namespace
}  // namespace ringgate::test
