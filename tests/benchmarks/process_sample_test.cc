#include "benchmarks/ringbench/process_sample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <latch>
#include <thread>
#include <vector>

#include "benchmarks/common/proc_file.h"
#include "benchmarks/ringbench/run_state.h"

namespace ringgate::bench {
namespace {

ProcessSample sample_self(SampleDepth depth = SampleDepth::kFull) {
  auto sample = sample_process(getpid(), depth);
  EXPECT_TRUE(sample) << sample.error().message;
  return sample ? *sample : ProcessSample{};
}

// Threads that wait until the object goes.
class Sleepers {
 public:
  explicit Sleepers(int count) {
    for (int i = 0; i < count; ++i) threads_.emplace_back([this] { leave_.wait(); });
  }
  ~Sleepers() {
    leave_.count_down();
    for (std::thread& thread : threads_) thread.join();
  }
  Sleepers(const Sleepers&) = delete;
  Sleepers& operator=(const Sleepers&) = delete;

 private:
  std::latch leave_{1};
  std::vector<std::thread> threads_;
};

TEST(ProcessSample, SeesAllThreads) {
  const Sleepers first(1);  // with which a sanitizer may start one of its own
  const std::size_t before = sample_self().cpu.threads.size();
  const Sleepers sleepers(50);
  EXPECT_EQ(sample_self().cpu.threads.size(), before + 50);
}

TEST(ProcessSample, CountsTheSwitchesOfAllThreads) {
  const ProcessSample before = sample_self();
  std::latch slept{1};
  std::latch leave{1};
  std::thread other([&] {
    for (int i = 0; i < 20; ++i) std::this_thread::sleep_for(std::chrono::microseconds(10));
    slept.count_down();
    leave.wait();
  });
  slept.wait();
  const ProcessUse use = use_between(before, sample_self());
  leave.count_down();
  other.join();
  EXPECT_GE(use.voluntary_switches, 20U);
}

TEST(ProcessSample, SeesMemoryComeAndGo) {
  constexpr std::size_t kBytes = 64U << 20;
  const ProcessSample before = sample_self();
  void* const pages = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  const ProcessSample with = sample_self();
  munmap(pages, kBytes);
  const ProcessSample after = sample_self();
  EXPECT_GE(with.rss_bytes, before.rss_bytes + kBytes * 9 / 10);
  EXPECT_LE(after.rss_bytes + kBytes * 9 / 10, with.rss_bytes);
  const ProcessUse use = use_between(before, with);
  EXPECT_EQ(use.rss_begin_bytes, before.rss_bytes);
  EXPECT_EQ(use.rss_end_bytes, with.rss_bytes);
  EXPECT_EQ(use.rss_peak_bytes, with.rss_bytes);
}

TEST(ProcessSample, ABriefOneLeavesSwitchesOut) {
  const ProcessSample brief = sample_self(SampleDepth::kBrief);
  EXPECT_EQ(brief.voluntary_switches, 0U);
  EXPECT_GT(brief.rss_bytes, 0U);
  EXPECT_FALSE(brief.cpu.threads.empty());
  EXPECT_GT(brief.at_ns, 0U);
}

TEST(ProcessSample, ThreadsThatEndTakeNothingBelowZero) {
  ProcessSample before;
  before.voluntary_switches = before.involuntary_switches = 10;
  ProcessSample after;
  after.voluntary_switches = 4;
  after.involuntary_switches = 11;
  const ProcessUse use = use_between(before, after);
  EXPECT_EQ(use.voluntary_switches, 0U);
  EXPECT_EQ(use.involuntary_switches, 1U);
}

// What it costs is printed, not judged: the machine may be busy.
TEST(ProcessSample, ReadsAThousandThreads) {
  const Sleepers sleepers(1000);
  for (const SampleDepth depth : {SampleDepth::kFull, SampleDepth::kBrief}) {
    const std::uint64_t begin_ns = monotonic_ns();
    EXPECT_GE(sample_self(depth).cpu.threads.size(), 1000U);
    RecordProperty(depth == SampleDepth::kFull ? "full_us" : "brief_us",
                   std::to_string((monotonic_ns() - begin_ns) / 1000));
  }
}

TEST(ProcessSample, SaysHowToMendThePid) {
  const auto none = sample_process(-1);
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, testing::HasSubstr("--pid"));
}

TEST(ProcFile, TakesNumbersOneAfterTheOther) {
  std::string_view text = "a 12 34\n";
  EXPECT_EQ(take_number(text), 12U);
  EXPECT_EQ(take_number(text), 34U);
  EXPECT_EQ(take_number(text), 0U);
  EXPECT_TRUE(text.empty() || text == "\n");
}

}  // namespace
}  // namespace ringgate::bench
