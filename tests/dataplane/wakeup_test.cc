// Wake-ups between real threads: they cost no worker thread, and mail arrives without them.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "tests/common/lost_wakeups.h"
#include "tests/common/quiet_handler.h"
#include "tests/dataplane/loopback.h"

namespace ringgate {
namespace {

using test::eventually;

constexpr MailOf<std::uint32_t> kBall{kShardMail.next(1)[0]};

// Passes a number on: from shard 0 to shard 1, from there to control.
class Passer : public QuietHandler {
 public:
  void on_start(Shard& shard) override { shard_ = &shard; }
  void on_mail(std::uint32_t, MailKind, ByteView message) override {
    shard_->mail_surely(shard_->index() == 0 ? 1 : shard_->control(), kBall, kBall.read(message));
  }

 private:
  Shard* shard_ = nullptr;
};

struct TwoShards {
  TwoShards() {
    ShardGroupOptions options = test::one_shard();
    options.accept = AcceptMode::kNone;
    options.shards = 2;
    group = std::move(
        *ShardGroup::create(options, [](std::uint32_t) { return std::make_unique<Passer>(); }));
    EXPECT_TRUE(group->start({}));
  }
  // As the control loop does it, every so often. False: the number did not come back.
  bool play(std::uint32_t number) const {
    std::uint32_t got = 0;
    group->post(0, kBall, number);
    return eventually([&] {
      group->flush();
      group->drain([&](std::uint32_t, MailKind, ByteView message) { got = kBall.read(message); });
      return got == number;
    });
  }
  [[nodiscard]] std::uint64_t wakeups() const {
    return group->shard(0).counters().get(Counter::kWakeups) +
           group->shard(1).counters().get(Counter::kWakeups);
  }

  std::unique_ptr<ShardGroup> group;
};

// Threads that the kernel has made for rings of this process.
int ring_workers() {
  int workers = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::ifstream(task.path() / "comm") >> name;
    workers += name.starts_with("iou-wrk") ? 1 : 0;
  }
  return workers;
}

TEST(WakeUp, NeedsNoWorkerThreadOfTheKernel) {
  const TwoShards shards;
  // Who is still awake needs none: on a busy machine that may be many.
  std::uint32_t number = 0;
  while (shards.wakeups() < 500 && number < 100'000) ASSERT_TRUE(shards.play(++number));
  EXPECT_GE(shards.wakeups(), 500U);
  EXPECT_EQ(ring_workers(), 0);
  EXPECT_EQ(shards.group->failed_wakeups(), 0U);
}

TEST(WakeUp, MailArrivesThoughItIsLost) {
  const TwoShards shards;
  ASSERT_TRUE(shards.play(1));
  Switchboard& board = shards.group->switchboard();
  for (std::uint32_t to = 0; to < board.endpoints(); ++to) test::lose_wakeups(board.wake_fd(to));
  const std::uint64_t before = shards.wakeups();
  for (std::uint32_t number = 2; number <= 20; ++number) ASSERT_TRUE(shards.play(number));
  EXPECT_GT(shards.wakeups(), before) << "they were written, and not heard";
}

TEST(WakeUp, OneThatFailsIsCountedAndTheNextIsTried) {
  const TwoShards shards;
  Switchboard& board = shards.group->switchboard();
  const std::uint32_t control = board.control();
  const int event_fd = fcntl(board.wake_fd(control), F_DUPFD_CLOEXEC, 0);
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_EQ(dup3(full, board.wake_fd(control), O_CLOEXEC), board.wake_fd(control));
  close(full);
  // Control does not sleep in between: whom nobody could wake is still taken for asleep.
  ASSERT_TRUE(shards.play(1));
  ASSERT_TRUE(shards.play(2));
  EXPECT_GE(shards.group->failed_wakeups(), 2U);
  ASSERT_EQ(dup3(event_fd, board.wake_fd(control), O_CLOEXEC), board.wake_fd(control));
  close(event_fd);
  const std::uint64_t failed = shards.group->failed_wakeups();
  ASSERT_TRUE(shards.play(3));
  EXPECT_EQ(shards.group->failed_wakeups(), failed);
}

}  // namespace
}  // namespace ringgate
