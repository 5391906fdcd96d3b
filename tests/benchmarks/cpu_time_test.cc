#include "benchmarks/common/cpu_time.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <ctime>

namespace ringgate::bench {
namespace {

std::uint64_t own_cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

TEST(CpuTime, SeesWhatThisProcessBurns) {
  const auto before = read_cpu(getpid());
  ASSERT_TRUE(before);
  const std::uint64_t start_ns = own_cpu_ns();
  while (own_cpu_ns() - start_ns < 50'000'000) {
  }
  const auto after = read_cpu(getpid());
  ASSERT_TRUE(after);
  const CpuUse use = cpu_between(*before, *after);
  EXPECT_GT(use.run_ns, 30'000'000U);  // either reading may be a tick old
  EXPECT_LE(use.busiest_run_ns, use.run_ns);
}

TEST(CpuTime, SumsThreadsThatComeAndLeavesOutThoseThatGo) {
  const CpuSnapshot before{.threads = {{1, {100, 5}}, {2, {50, 0}}}};
  const CpuSnapshot after{.threads = {{1, {160, 9}}, {3, {7, 1}}}};
  const CpuUse use = cpu_between(before, after);
  EXPECT_EQ(use.run_ns, 67U);
  EXPECT_EQ(use.wait_ns, 5U);
  EXPECT_EQ(use.busiest_run_ns, 60U);
}

TEST(CpuTime, SaysWhenThereIsNoSuchProcess) {
  const auto none = read_cpu(-1);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("--pid"), std::string::npos);
}

}  // namespace
}  // namespace ringgate::bench
