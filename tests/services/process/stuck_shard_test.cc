// What /health says of a shard that does not turn.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "services/process/shards.h"
#include "tests/dataplane/loopback.h"

namespace ringgate {
namespace {

// Stays in its tick as long as it is told to.
class Sticking : public Handler {
 public:
  explicit Sticking(const std::atomic<bool>& stuck) : stuck_(stuck) {}
  void on_start(Shard&) override {}
  void on_accept(Connection&) override {}
  void on_adopt(Connection&, const AdoptedFor&) override {}
  void on_packet(Connection&, ByteView) override {}
  void on_close(Connection&, CloseReason) override {}
  void on_deadline(Connection&) override {}
  void on_mail(std::uint32_t, MailKind, ByteView) override {}
  void on_tick() override { stuck_.wait(true); }

 private:
  const std::atomic<bool>& stuck_;
};

TEST(StuckShard, IsNamedUntilItTurnsAgain) {
  std::atomic<bool> stuck = false;
  const test::RealShards shards(
      test::one_shard(), [&stuck](std::uint32_t) { return std::make_unique<Sticking>(stuck); });
  EXPECT_TRUE(test::eventually([&] { return !stuck_shard(*shards.group); }));
  stuck = true;
  EXPECT_TRUE(test::eventually([&] { return stuck_shard(*shards.group).has_value(); }));
  EXPECT_THAT(stuck_shard(*shards.group).value_or(""),
              testing::StartsWith("shard 0 has not turned for "));
  stuck = false;
  stuck.notify_all();
  EXPECT_TRUE(test::eventually([&] { return !stuck_shard(*shards.group); }));
}

}  // namespace
}  // namespace ringgate
