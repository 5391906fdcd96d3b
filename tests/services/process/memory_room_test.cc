#include "services/process/memory_room.h"

#include <gmock/gmock.h>

#include <string>

#include "tests/common/temp_dir.h"

namespace ringgate {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kMiB = 1024 * 1024;

TEST(MemoryRoom, IsThatOfThisMachine) {
  const MemoryRoom room = memory_room();
  ASSERT_TRUE(room.machine_bytes);
  EXPECT_GT(*room.machine_bytes, 64 * kMiB);
}

TEST(MemoryRoom, TheMachinesIsReadFromMeminfo) {
  EXPECT_EQ(machine_memory("MemTotal:       24683584 kB\nMemFree:  1 kB\n"), 24683584U * 1024ULL);
  for (const char* text : {"", "MemFree: 1 kB\n", "MemTotal:\nMemFree: 1 kB\n", "MemTotal: x kB"}) {
    EXPECT_FALSE(machine_memory(text)) << text;
  }
}

TEST(MemoryRoom, Version2TakesTheTightestAncestor) {
  const test::TempDir root;
  root.write("a/memory.max", "1073741824\n");
  root.write("a/b/memory.max", "536870912\n");
  root.write("a/b/c/memory.max", "max\n");
  EXPECT_EQ(cgroup_memory_limit("0::/a/b/c\n", root.path()), 512 * kMiB);
  EXPECT_FALSE(cgroup_memory_limit("0::/elsewhere\n", root.path()));
  EXPECT_FALSE(cgroup_memory_limit("", root.path()));
  root.write("memory.max", "1048576\n");  // a container's own group, mounted as the root
  EXPECT_EQ(cgroup_memory_limit("0::/\n", root.path()), kMiB);
  EXPECT_EQ(cgroup_memory_limit("0::/../host/path\n", root.path()), kMiB);
}

TEST(MemoryRoom, Version1) {
  const test::TempDir root;
  root.write("memory/memory.limit_in_bytes", "9223372036854771712\n");  // none
  root.write("memory/job/memory.limit_in_bytes", "268435456\n");
  const std::string text = "5:memory:/job\n4:cpu,cpuacct:/job\n";
  EXPECT_EQ(cgroup_memory_limit(text, root.path()), 256 * kMiB);
  EXPECT_FALSE(cgroup_memory_limit("5:memory:/\n", root.path()));
}

TEST(MemoryRoom, ABudgetAboveItIsNoticed) {
  const MemoryRoom machine{1024 * kMiB, std::nullopt};
  EXPECT_FALSE(memory_notice(1024 * kMiB, machine));
  EXPECT_THAT(memory_notice(1024 * kMiB + 1, machine).value(),
              HasSubstr("above the 1024 MiB that the machine has"));
  const MemoryRoom group{1024 * kMiB, 256 * kMiB};
  EXPECT_FALSE(memory_notice(256 * kMiB, group));
  EXPECT_THAT(memory_notice(512 * kMiB, group).value(),
              HasSubstr("above the 256 MiB that the control group may have"));
  const MemoryRoom wide_group{1024 * kMiB, 4096 * kMiB};
  EXPECT_THAT(memory_notice(2048 * kMiB, wide_group).value(), HasSubstr("the machine has"));
  EXPECT_FALSE(memory_notice(SIZE_MAX, {})) << "nothing is known";
}

TEST(MemoryRoom, IsNoticedOfAGatewayThatHasABudget) {
  Config config;
  notice_memory(config, ProcessRole::kGateway);
  config.gateway.max_memory_bytes = std::size_t{1} << 44U;
  notice_memory(config, ProcessRole::kChat);
  EXPECT_TRUE(config.notices.empty());
  notice_memory(config, ProcessRole::kGateway);
  ASSERT_EQ(config.notices.size(), 1U);
  EXPECT_THAT(config.notices.front(), HasSubstr("MaxMemory is above the"));
}

}  // namespace
}  // namespace ringgate
