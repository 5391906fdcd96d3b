// What is said of a shard that does not turn, and of mail that nobody knows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <sstream>

#include "services/process/shards.h"
#include "tests/common/quiet_handler.h"
#include "tests/dataplane/loopback.h"

namespace ringgate {
namespace {

// Stays in its tick as long as it is told to.
class Sticking : public QuietHandler {
 public:
  explicit Sticking(const std::atomic<bool>& stuck) : stuck_(stuck) {}
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

TEST(MailBugsTest, AnUnknownKindIsInTheLogOnce) {
  std::atomic<bool> stuck = false;
  const test::RealShards shards(
      test::one_shard(), [&stuck](std::uint32_t) { return std::make_unique<Sticking>(stuck); });
  std::ostringstream text;
  const auto before = spdlog::default_logger();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text)));
  MailBugs bugs;
  bugs.look(*shards.group);
  EXPECT_EQ(text.str(), "");
  shards.group->post(0, MailBytes{kShardMail.first + 40}, as_bytes("what"));
  shards.group->note_unknown_mail(0, 900);
  shards.group->flush();
  EXPECT_TRUE(test::eventually([&] { return shards.group->shard(0).unknown_mail().count() == 1; }));
  for (int i = 0; i < 3; ++i) bugs.look(*shards.group);
  spdlog::set_default_logger(before);
  const std::string log = text.str();
  EXPECT_THAT(log, testing::HasSubstr("bug: shard 0 got mail of the unknown kind 41 from 1"));
  EXPECT_THAT(log, testing::HasSubstr("bug: control got mail of the unknown kind 900 from 0"));
  EXPECT_EQ(std::ranges::count(log, '\n'), 2);
}

}  // namespace
}  // namespace ringgate
