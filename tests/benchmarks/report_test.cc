#include "benchmarks/ringbench/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace ringgate::bench {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::uint64_t kSecondNs = 1'000'000'000;

class ReportTest : public testing::Test {
 protected:
  ReportTest() {
    options_.target = "tcp://h:1";
    options_.pid = 42;
    measured_->window_s = 2;
    measured_->answered = 1'000'000;
    measured_->target = CpuUse{.run_ns = 2 * kSecondNs, .busiest_run_ns = kSecondNs};
  }

  Options options_;
  std::unique_ptr<Measurement> measured_ = std::make_unique<Measurement>();
};

TEST_F(ReportTest, TellsRateCpuAndThatItIsClosedLoop) {
  const std::string text = as_text(*measured_, options_);
  EXPECT_THAT(text, HasSubstr("500000 per second"));
  EXPECT_THAT(text, HasSubstr("2.000 us of CPU per message (process 42"));
  EXPECT_THAT(text, HasSubstr("not latency under load"));
  EXPECT_THAT(text, HasSubstr("errors      none"));
  EXPECT_THAT(as_json(*measured_, options_), HasSubstr("\"us_per_message\": 2.0000"));
}

TEST_F(ReportTest, CountsErrorsByKindAndStatus) {
  auto worker = std::make_unique<WorkerReport>();
  worker->errors[static_cast<std::size_t>(ErrorKind::kStatus)] = 3;
  worker->errors[static_cast<std::size_t>(ErrorKind::kConnectionLost)] = 1;
  worker->statuses[300] = 2;
  worker->statuses[404] = 1;
  measured_->add(*worker);
  const std::string text = as_text(*measured_, options_);
  EXPECT_THAT(text, HasSubstr("errors      4"));
  EXPECT_THAT(text, HasSubstr("3 (300: 2, 404: 1)"));
  EXPECT_THAT(text, HasSubstr("connection_lost   1"));
  EXPECT_THAT(as_json(*measured_, options_), HasSubstr(R"("by_status": {"300": 2, "404": 1})"));
}

TEST_F(ReportTest, SaysWhenTheGeneratorIsTheBottleneck) {
  const std::string sentence = "the load generator, not the target, is the bottleneck";
  measured_->own.busiest_run_ns = 2 * kSecondNs;
  EXPECT_THAT(as_text(*measured_, options_), HasSubstr(sentence));
  measured_->target->busiest_run_ns = 2 * kSecondNs;
  EXPECT_THAT(as_text(*measured_, options_), Not(HasSubstr(sentence)));
  measured_->target->busiest_run_ns = kSecondNs;
  measured_->own.busiest_run_ns = kSecondNs;
  EXPECT_THAT(as_text(*measured_, options_), Not(HasSubstr(sentence)));
  measured_->own.busiest_run_ns = 2 * kSecondNs;
  measured_->target.reset();
  EXPECT_THAT(as_text(*measured_, options_), Not(HasSubstr(sentence)));
}

}  // namespace
}  // namespace ringgate::bench
