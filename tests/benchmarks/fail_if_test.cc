#include "benchmarks/ringbench/fail_if.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sample_measurement.h"

namespace ringgate::bench {
namespace {

using Compare = FailIf::Compare;
using testing::HasSubstr;

struct Good {
  const char* text;
  const char* metric;
  Compare compare;
  double value;
};

class FailIfGood : public testing::TestWithParam<Good> {};

TEST(FailIfParsing, TakesTheSuffixesOfARate) {
  EXPECT_EQ(parse_fail_if("per_second<199k")->value, 199'000);
  EXPECT_EQ(parse_fail_if("per_second < 1.5M")->value, 1'500'000);
  EXPECT_FALSE(parse_fail_if("p99>20k"));
}

TEST_P(FailIfGood, IsRead) {
  const auto read = parse_fail_if(GetParam().text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->text, GetParam().text);
  EXPECT_EQ(read->metric, GetParam().metric);
  EXPECT_EQ(read->compare, GetParam().compare);
  EXPECT_DOUBLE_EQ(read->value, GetParam().value);
}

INSTANTIATE_TEST_SUITE_P(
    Conditions, FailIfGood,
    testing::Values(Good{"p99>20ms", "p99", Compare::kAbove, 20'000},
                    Good{"errors>0", "errors", Compare::kAbove, 0},
                    Good{"talk.p99.9 >= 5ms", "talk.p99.9", Compare::kAtLeast, 5000},
                    Good{"per_second<50000", "per_second", Compare::kBelow, 50'000},
                    Good{"cpu_us>8", "cpu_us", Compare::kAbove, 8},
                    Good{"rss_mb>500", "rss_mb", Compare::kAbove, 500},
                    Good{"connection_lost>0", "connection_lost", Compare::kAbove, 0},
                    Good{"p99.99<=1.5s", "p99.99", Compare::kAtMost, 1'500'000},
                    Good{"mean == 250 us", "mean", Compare::kEqual, 250},
                    Good{"\tlogins  !=\t12 ", "logins", Compare::kNotEqual, 12},
                    Good{"delivery.failed>.5", "delivery.failed", Compare::kAbove, 0.5},
                    Good{"answered<1e6", "answered", Compare::kBelow, 1e6},
                    Good{"lag_p99>1ms", "lag_p99", Compare::kAbove, 1000}));

struct Bad {
  const char* text;
  const char* said;  // in the sentence
};

class FailIfBad : public testing::TestWithParam<Bad> {};

TEST_P(FailIfBad, IsRefusedWithAWayOut) {
  const auto read = parse_fail_if(GetParam().text);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().exit_code, 2);
  EXPECT_THAT(read.error().message, HasSubstr(GetParam().said));
}

INSTANTIATE_TEST_SUITE_P(
    Conditions, FailIfBad,
    testing::Values(Bad{"", "METRIC OP VALUE"}, Bad{"p99", "one of > >= < <= == !="},
                    Bad{"p99=20ms", "one of > >= < <= == !="}, Bad{"p99!20ms", "one of >"},
                    Bad{">5", "'' in '>5'"}, Bad{"p98>20ms", "p90, p99, p99.9"},
                    Bad{"p98>20ms", "connection_lost"}, Bad{"talk>5", "as in talk.p99"},
                    Bad{"chat.p99>5ms",
                        "one action: ping, forward, talk, delivery, connect, login"},
                    Bad{"talk.errors>0", "nothing that is measured"},
                    Bad{"talk.>0", "nothing that is measured"}, Bad{"p99>20", "us, ms or s"},
                    Bad{"p99>20 minutes", "us, ms or s"}, Bad{"p99>ms", "us, ms or s"},
                    Bad{"p99>20msx", "us, ms or s"}, Bad{"talk.p99>20", "p99>20ms"},
                    Bad{"p99>20ms errors>0", "us, ms or s"}, Bad{"errors>5ms", "plain number"},
                    Bad{"errors>", "plain number"}, Bad{"errors>many", "plain number"},
                    Bad{"errors>-1", "plain number"}, Bad{"errors>inf", "plain number"},
                    Bad{"errors>nan", "plain number"}, Bad{"errors>=>5", "plain number"},
                    Bad{"cpu_us>8us", "plain number"}, Bad{"per_second<50kk", "plain number"},
                    Bad{"errors>1e999", "plain number"}));

class FailIfEvaluation : public testing::Test {
 protected:
  FailIfOutcome judge(std::string_view text) {
    return evaluate(parse_fail_if(text).value(), sample_->measured, sample_->options);
  }
  bool fails(std::string_view text) {
    const FailIfOutcome outcome = judge(text);
    EXPECT_TRUE(outcome.known) << text;
    return outcome.failed;
  }
  std::string told(std::string_view text) {
    return measured_text(parse_fail_if(text).value(), judge(text));
  }

  std::unique_ptr<Sample> sample_ = make_sample();
};

TEST_F(FailIfEvaluation, ComparesInEveryWay) {
  for (const char* const held :
       {"errors>79", "errors>=80", "errors<81", "errors<=80", "errors==80", "errors!=79"}) {
    EXPECT_TRUE(fails(held)) << held << judge(held).value;
  }
  for (const char* const not_held :
       {"errors>80", "errors>=81", "errors<80", "errors<=79", "errors==79", "errors!=80"}) {
    EXPECT_FALSE(fails(not_held)) << not_held;
  }
}

TEST_F(FailIfEvaluation, KnowsWhatWasMeasured) {
  EXPECT_EQ(judge("sent>0").value, 20'011);
  EXPECT_EQ(judge("talk.due>0").value, 20'011);
  EXPECT_EQ(judge("answered>0").value, 20'000);
  EXPECT_EQ(judge("late>0").value, 5);
  EXPECT_EQ(judge("delivery.late>0").value, 7);
  EXPECT_EQ(judge("failed>0").value, 14);
  EXPECT_EQ(judge("delivery.failed>0").value, 3);
  EXPECT_EQ(judge("per_second>0").value, 1999);
  EXPECT_EQ(judge("delivery.per_second>0").value, 1998);
  EXPECT_EQ(judge("retries>0").value, 2);
  EXPECT_EQ(judge("status>0").value, 12);
  EXPECT_EQ(judge("connection_lost>0").value, 8);
  EXPECT_EQ(judge("connects>0").value, 12'346);
  EXPECT_EQ(judge("logins>0").value, 12'347);
  EXPECT_EQ(judge("lost_packets>0").value, 4);
  EXPECT_EQ(judge("rss_mb>0").value, 130.5);  // the highest is between the ends
  EXPECT_NEAR(judge("cpu_us>0").value,
              static_cast<double>(sample_->target().cpu.run_ns) / 1000 / 20'020, 1e-9);
}

TEST_F(FailIfEvaluation, TimesAreOfWhatTheScenarioIsAbout) {
  const Tally& tally = sample_->measured.tally;
  const auto p99_us = [&](Action action) { return tally.of(action).times.quantile(0.99)->us; };
  EXPECT_EQ(judge("p99>0us").value, p99_us(Action::kTalk));
  EXPECT_EQ(judge("delivery.p99>0us").value, p99_us(Action::kDelivery));
  EXPECT_GT(judge("delivery.max>0us").value, judge("max>0us").value);
  EXPECT_GT(judge("mean>0us").value, 0);
  sample_->options.scenario = Scenario::kPush;
  EXPECT_EQ(judge("p99>0us").value, p99_us(Action::kDelivery));
}

TEST_F(FailIfEvaluation, WhatWasNotMeasuredFailsAndSaysWhy) {
  sample_->measured.target.reset();
  sample_->options.rate.reset();
  const std::pair<const char*, const char*> unknown[] = {{"cpu_us>1000", "--pid"},
                                                         {"rss_mb>1000", "--pid"},
                                                         {"lag_p99>1s", "--rate"},
                                                         {"login.p99>1s", "nothing was answered"}};
  for (const auto& [text, why] : unknown) {
    EXPECT_TRUE(judge(text).failed) << text;
    EXPECT_FALSE(judge(text).known) << text;
    EXPECT_THAT(told(text), HasSubstr(why));
  }
  EXPECT_FALSE(judge("login.failed>0").failed);
}

// 2 % of the talks have no answer: their p99 is among those.
TEST_F(FailIfEvaluation, APercentileAmongTheUnansweredHasFailed) {
  sample_->measured.tally.of(Action::kTalk).times.unanswered.record(2'000'000'000, 400);
  for (const char* const text : {"p99>20ms", "p99>10s", "p99<1ms", "talk.max>9s", "mean>1s"}) {
    EXPECT_TRUE(judge(text).failed) << text;
    EXPECT_TRUE(judge(text).at_least) << text;
  }
  EXPECT_EQ(told("p99>10s"), "≥ 2.00 s: not all were answered");
  EXPECT_FALSE(judge("p90>1s").at_least);
  EXPECT_FALSE(judge("p90>1s").failed);
  EXPECT_FALSE(judge("delivery.p99>1s").failed);
}

TEST_F(FailIfEvaluation, ACpuTimeOfNoMessagesIsNotZero) {
  sample_->measured.messages = 0;
  EXPECT_TRUE(judge("cpu_us>1000").failed);
  EXPECT_THAT(told("cpu_us>1000"), HasSubstr("not measured"));
}

TEST_F(FailIfEvaluation, OneThatFailsIsEnough) {
  EXPECT_TRUE(any_failed(sample_->measured, sample_->options));  // errors>0 is among them
  sample_->options.fail_if = {parse_fail_if("errors>80").value()};
  EXPECT_FALSE(any_failed(sample_->measured, sample_->options));
  sample_->options.fail_if.clear();
  EXPECT_FALSE(any_failed(sample_->measured, sample_->options));
}

TEST_F(FailIfEvaluation, IsToldInItsUnit) {
  EXPECT_EQ(told("errors>0"), "80");
  EXPECT_EQ(told("rss_mb>0"), "130.50");
  EXPECT_EQ(told("per_second>0"), "1,999");
  EXPECT_THAT(told("max>1s"), HasSubstr(" ms"));
}

}  // namespace
}  // namespace ringgate::bench
