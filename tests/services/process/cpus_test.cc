#include "services/process/cpus.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>

#include "tests/common/temp_dir.h"

namespace ringgate {
namespace {

TEST(Cpus, TheAffinityOfThisProcess) {
  cpu_set_t set;
  CPU_ZERO(&set);
  ASSERT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  const auto budget = usable_cpus();
  ASSERT_TRUE(budget) << budget.error().message;
  EXPECT_EQ(budget->cpus.size(), static_cast<std::size_t>(CPU_COUNT(&set)));
  EXPECT_TRUE(std::ranges::is_sorted(budget->cpus));
  for (const int cpu : budget->cpus) {
    EXPECT_TRUE(CPU_ISSET(static_cast<std::size_t>(cpu), &set)) << cpu;
  }
  EXPECT_GE(budget->count, 1U);
  EXPECT_LE(budget->count, budget->cpus.size());
}

TEST(Cpus, NarrowedAffinityIsFollowed) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  const int first = usable_cpus()->cpus.front();
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<std::size_t>(first), &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  const auto budget = usable_cpus();
  ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
  ASSERT_TRUE(budget);
  EXPECT_EQ(budget->cpus, std::vector<int>{first});
  EXPECT_EQ(budget->count, 1U);
}

TEST(Cpus, QuotaRoundsUpAndNeverExceedsTheAffinity) {
  const std::vector<int> four{0, 1, 2, 3};
  EXPECT_EQ(cpu_budget(four, std::nullopt).count, 4U);
  EXPECT_EQ(cpu_budget(four, 1.5).count, 2U);
  EXPECT_EQ(cpu_budget(four, 0.1).count, 1U);
  EXPECT_EQ(cpu_budget(four, 2.0).count, 2U);
  EXPECT_EQ(cpu_budget(four, 64.0).count, 4U);
  EXPECT_EQ(cpu_budget(four, 1.5).cpus, four);
}

TEST(Cpus, CpuMax) {
  EXPECT_DOUBLE_EQ(parse_cpu_max("150000 100000\n").value(), 1.5);
  for (const char* text : {"max 100000\n", "", "100000", "0 100000", "1 0", "x y"}) {
    EXPECT_FALSE(parse_cpu_max(text)) << text;
  }
}

TEST(Cpus, Version2TakesTheTightestAncestor) {
  const test::TempDir root;
  root.write("a/cpu.max", "100000 100000\n");
  root.write("a/b/cpu.max", "max 100000\n");
  root.write("a/b/c/cpu.max", "300000 100000\n");
  EXPECT_DOUBLE_EQ(cgroup_cpu_quota("0::/a/b/c\n", root.path()).value(), 1.0);
  EXPECT_FALSE(cgroup_cpu_quota("0::/elsewhere\n", root.path()));
  EXPECT_FALSE(cgroup_cpu_quota("", root.path()));
  root.write("cpu.max", "50000 100000\n");  // A container's own group, mounted as the root.
  EXPECT_DOUBLE_EQ(cgroup_cpu_quota("0::/\n", root.path()).value(), 0.5);
  EXPECT_DOUBLE_EQ(cgroup_cpu_quota("0::/../host/path\n", root.path()).value(), 0.5);
}

TEST(Cpus, Version1) {
  const test::TempDir root;
  root.write("cpu,cpuacct/job/cpu.cfs_quota_us", "250000\n");
  root.write("cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
  root.write("cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  root.write("cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  const char* text = "5:memory:/job\n4:cpu,cpuacct:/job\n3:cpuset:/job\n";
  EXPECT_DOUBLE_EQ(cgroup_cpu_quota(text, root.path()).value(), 2.5);
  EXPECT_FALSE(cgroup_cpu_quota("4:cpu,cpuacct:/\n", root.path()));
}

}  // namespace
}  // namespace ringgate
