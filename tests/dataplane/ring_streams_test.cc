// Random streams through a real ring, of either kind: sends that the socket takes only in parts,
// receives that find no buffer, cancels at any moment. What arrives is what was sent, to the end.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "codec/bytes.h"
#include "tests/dataplane/ring_under_test.h"

namespace ringgate {
namespace {

constexpr std::uint64_t kSendTag = 1;
constexpr std::uint64_t kRecvTag = 2;
constexpr std::uint64_t kCancelTag = 3;
constexpr std::uint64_t kShutdownTag = 4;
constexpr std::size_t kStreamBytes = 200'000;

class Stream {
 public:
  explicit Stream(std::uint32_t seed) : random_(seed) {
    RingOptions options = test::options_under_test();
    options.sq_entries = 8;
    options.cq_entries = 64;
    options.client_buffers = 4;
    options.client_buffer_bytes = 512;
    options.link_buffers = 4;
    auto ring = Ring::create(options);
    EXPECT_TRUE(ring) << ring.error().message;
    ring_ = std::move(*ring);
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair_.data()), 0);
    const int bytes = static_cast<int>(pick(2048, 65'536));
    setsockopt(pair_[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    for (std::size_t i = 0; i < kStreamBytes; ++i) {
      sent_.push_back(static_cast<char>(random_() & 0xffU));
    }
  }
  ~Stream() {
    ring_.reset();
    for (const int fd : pair_) close(fd);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void run() {
    receive();
    send();
    for (int turn = 0; turn < 200'000 && !ended_; ++turn) {
      ring_->submit_and_wait(2);
      std::array<Completion, 8> completions;
      const unsigned count = ring_->reap(std::span(completions).first(pick(1, 8)));
      for (unsigned i = 0; i < count; ++i) on(completions[i]);
      if (pick(0, 3) == 0) give_back();
      if (pick(0, 15) == 0) cancel();
      if (!receiving_ && !cancelling_ && !ended_) receive();
    }
    EXPECT_TRUE(ended_) << "the stream stands still after " << received_.size();
    EXPECT_EQ(received_.size(), sent_.size());
    EXPECT_TRUE(received_ == sent_);
  }

 private:
  std::size_t pick(std::size_t least, std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(least, most)(random_);
  }
  void send() {
    if (at_ == sent_.size()) {
      ring_->shutdown({pair_[0], false}, SHUT_WR, kShutdownTag);
      return;
    }
    std::vector<iovec> pieces;
    under_way_ = 0;
    for (std::size_t i = pick(1, 6); i > 0 && at_ + under_way_ < sent_.size(); --i) {
      const std::size_t bytes = std::min(pick(1, 9000), sent_.size() - at_ - under_way_);
      pieces.push_back({sent_.data() + at_ + under_way_, bytes});
      under_way_ += bytes;
    }
    if (pieces.size() == 1) {
      ring_->send({pair_[0], false}, as_bytes(sent_).subspan(at_, under_way_).data(), under_way_,
                  kSendTag);
    } else {
      ring_->send_gather({pair_[0], false}, pieces, kSendTag);
    }
  }
  void receive() {
    receiving_ = true;
    if (pick(0, 3) == 0) {
      ring_->recv({pair_[1], false}, BufferGroup::kClients, kRecvTag);
    } else {
      ring_->recv_multishot({pair_[1], false}, BufferGroup::kClients, kRecvTag);
    }
  }
  void cancel() {
    if (!receiving_ || cancelling_) return;
    cancelling_ = true;
    ring_->cancel(kRecvTag, kCancelTag);
  }
  void give_back() {
    for (const std::uint16_t id : kept_) ring_->recycle(BufferGroup::kClients, id);
    kept_.clear();
    ring_->publish_buffers();
  }
  void on(const Completion& completion) {
    switch (completion.tag) {
      case kSendTag:
        ASSERT_EQ(completion.result, static_cast<int>(under_way_));
        at_ += under_way_;
        return send();
      case kRecvTag:
        return on_received(completion);
      case kCancelTag:
        cancelling_ = false;
        return;
      default:
        EXPECT_EQ(completion.result, 0);
    }
  }
  void on_received(const Completion& completion) {
    if (!completion.more) receiving_ = false;
    if (completion.result > 0) {
      ASSERT_TRUE(completion.has_buffer);
      received_.append(as_text(ring_->received(BufferGroup::kClients, completion)));
      kept_.push_back(completion.buffer_id);
      return;
    }
    ASSERT_FALSE(completion.more);
    if (completion.result == 0) ended_ = true;
    if (completion.result == -ENOBUFS) give_back();
    if (completion.result < 0) {
      EXPECT_TRUE(completion.result == -ENOBUFS || completion.result == -ECANCELED)
          << completion.result;
    }
  }

  std::mt19937 random_;
  std::unique_ptr<Ring> ring_;
  std::array<int, 2> pair_{};
  std::string sent_;
  std::string received_;
  std::vector<std::uint16_t> kept_;  // buffers that are not given back yet
  std::size_t at_ = 0;
  std::size_t under_way_ = 0;
  bool receiving_ = false;
  bool cancelling_ = false;
  bool ended_ = false;
};

TEST(RingStreams, ArriveAsTheyWereSent) {
  for (std::uint32_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    Stream(seed).run();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace ringgate
