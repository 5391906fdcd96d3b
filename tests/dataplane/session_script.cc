#include "tests/dataplane/session_script.h"

#include <algorithm>
#include <cstring>

namespace ringgate::test {

std::uint8_t filler_byte(std::uint32_t peer, std::uint32_t number, std::size_t at) {
  return static_cast<std::uint8_t>(peer * 31 + number * 7 + at);
}

ScriptedPeer::ScriptedPeer(FakePeer& peer, Random& random, bool link)
    : peer_(peer),
      random_(random),
      link_(link),
      end_(static_cast<End>(random.below(7))),
      frames_left_(random.below(60)) {
  if (random.one_in(5)) peer_.window = random.below(500);
}

void ScriptedPeer::step() {
  if (stopped_) return;
  if (peer_.window != SIZE_MAX && random_.one_in(10)) peer_.window += random_.below(500);
  if (!unsent_.empty() && random_.one_in(2)) {
    send_chunk();
  } else if (frames_left_ > 0) {
    --frames_left_;
    add_frame();
  } else {
    finish();
  }
}

void ScriptedPeer::stop() {
  if (!std::exchange(stopped_, true)) peer_.ended = true;
}

void ScriptedPeer::add_frame() {
  const std::uint32_t number = next_number_++;
  std::vector<std::uint8_t> payload(8 + random_.size(2000));
  store_be(payload.data(), peer_.id);
  store_be(payload.data() + 4, number);
  for (std::size_t i = 8; i < payload.size(); ++i) payload[i] = filler_byte(peer_.id, number, i);
  std::vector<std::uint8_t> bytes;
  switch (random_.below(4)) {
    case 0:
      bytes.assign(kTcpPing.begin(), kTcpPing.end());
      demands_.push_back({Opcode::kBinary, {kTcpPong.begin() + 5, kTcpPong.end()}, 0});
      break;
    case 1:
      bytes = frame(Opcode::kPing, payload);
      demands_.push_back({Opcode::kPong, payload, 0});
      break;
    case 2:
      bytes = frame(Opcode::kPong, payload);  // nothing comes back
      break;
    default:
      bytes = frame(Opcode::kBinary, payload);
      demands_.push_back({Opcode::kBinary, {}, number});
  }
  unsent_.insert(unsent_.end(), bytes.begin(), bytes.end());
}

void ScriptedPeer::send_chunk() {
  const std::size_t bytes = random_.one_in(3) ? unsent_.size() : random_.between(1, unsent_.size());
  peer_.send(ByteView(unsent_).first(bytes));
  unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(bytes));
}

void ScriptedPeer::finish() {
  stopped_ = true;
  switch (end_) {
    case End::kEof:
      peer_.ended = true;
      break;
    case End::kReset:
      peer_.reset = true;
      break;
    case End::kResetBehind:
      peer_.send(unsent_);
      peer_.reset_behind = true;
      break;
    case End::kCloseFrame:
      peer_.send(unsent_);
      peer_.send(frame(Opcode::kClose, "bye"));
      peer_.send(kTcpPing);  // which nobody answers any more
      break;
    case End::kBadOpcode:
      peer_.send(unsent_);
      peer_.send(std::vector<std::uint8_t>{5, 1, 2, 3});
      break;
    case End::kTooLong:
      peer_.send(unsent_);
      peer_.send(std::vector<std::uint8_t>{2, 0x7F, 0, 0, 0, 1, 2, 3});
      break;
    case End::kSilence:
      stopped_ = false;
      break;
  }
}

namespace {

// Walks over the frames a peer got.
class Checker {
 public:
  Checker(const ScriptedPeer& peer, const RandomHandler::Session& session)
      : peer_(peer), session_(session), demands_(peer.demands()) {}

  void run() {
    const ByteView all = peer_.peer().received;
    std::size_t at = 0;
    while (at < all.size()) {
      ASSERT_FALSE(closed_) << "bytes after the close frame";
      const FrameStep step = next_tcp_frame(all.subspan(at), 1 << 20);
      if (step.status == FrameStatus::kNeedMore) break;
      ASSERT_EQ(step.status, FrameStatus::kFrame) << "no frame at byte " << at;
      check(step.frame);
      if (testing::Test::HasFailure()) return;
      at += step.consumed;
    }
    if (!session_.aborted && peer_.healthy() && session_.closes == 1) {
      EXPECT_EQ(at, all.size()) << "half a frame";
      EXPECT_EQ(next_seq_, session_.next_seq) << "what was appended before the close is lost";
      const bool wanted = session_.reason == CloseReason::kPeerCloseFrame ||
                          (!peer_.link() && session_.reason != CloseReason::kPeerClosed);
      EXPECT_TRUE(closed_ == wanted || (!closed_ && !session_.had_room)) << "close frame";
      if (ended_by_a_frame()) {
        EXPECT_TRUE(demands_.empty()) << demands_.size() << " frames went without an answer";
      }
    }
  }

 private:
  void check(const Frame& frame) {
    if (frame.opcode == Opcode::kClose) {
      closed_ = true;
      const bool answer = session_.reason == CloseReason::kPeerCloseFrame;
      EXPECT_EQ(as_text(frame.payload), answer ? "" : describe(session_.reason, kTestNames).name);
    } else if (frame.payload.size() >= kAppendHeadBytes && frame.opcode == Opcode::kBinary) {
      check_appended(frame.payload);
    } else {
      ASSERT_FALSE(demands_.empty());
      EXPECT_EQ(frame.opcode, demands_.front().opcode);
      EXPECT_TRUE(std::ranges::equal(frame.payload, demands_.front().payload));
      demands_.pop_front();
    }
  }
  void check_appended(ByteView payload) {
    ASSERT_EQ(load_be<std::uint32_t>(payload.data()), peer_.peer().id) << "another peer's bytes";
    EXPECT_EQ(load_be<std::uint32_t>(payload.data() + 9), next_seq_++);
    if (payload[4] != kAnswer) return;
    ASSERT_FALSE(demands_.empty());
    EXPECT_TRUE(demands_.front().payload.empty());
    EXPECT_EQ(load_be<std::uint32_t>(payload.data() + 5), demands_.front().number);
    demands_.pop_front();
  }

  // Then everything before that frame was parsed.
  [[nodiscard]] bool ended_by_a_frame() const {
    return session_.reason == CloseReason::kPeerCloseFrame ||
           session_.reason == CloseReason::kBadFrame ||
           session_.reason == CloseReason::kFrameTooLong;
  }

  const ScriptedPeer& peer_;
  const RandomHandler::Session& session_;
  std::deque<Demand> demands_;
  std::uint32_t next_seq_ = 0;
  bool closed_ = false;
};

}  // namespace

void check_received(const ScriptedPeer& peer, const RandomHandler::Session& session) {
  SCOPED_TRACE("peer " + std::to_string(peer.peer().id) + ", closed for " +
               std::string(describe(session.reason, kTestNames).name));
  Checker(peer, session).run();
}

}  // namespace ringgate::test
