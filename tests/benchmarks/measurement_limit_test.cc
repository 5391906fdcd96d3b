// Who was it that kept a run from measuring what was asked?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "benchmarks/ringbench/measurement.h"
#include "benchmarks/ringbench/run_state.h"
#include "sample_measurement.h"

namespace ringgate::bench {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Far above what can be done: what was answered in the window had been due before it.
class Overload : public testing::Test {
 protected:
  [[nodiscard]] std::vector<std::string> warnings() const { return measured_.warnings(options_); }
  void SetUp() override {
    options_.fail_if.clear();
    ActionTally& talk = measured_.tally.of(Action::kTalk);
    talk = {};
    talk.due = talk.failed = kDue;
    talk.in_window = 500;
    talk.times.unanswered.record(kSecondNs, kDue);
  }
  void never_reach() {
    measured_.tally.of(Action::kTalk).unsent = measured_.tally.never(Unsent::kBehind) = kDue;
  }

  std::unique_ptr<Sample> sample_ = make_sample();
  Measurement& measured_ = sample_->measured;
  Options& options_ = sample_->options;
  static constexpr std::uint64_t kDue = 40'000;
};

TEST_F(Overload, OfRingbenchIsItsOwnLimitAndNotTheTargets) {
  never_reach();
  EXPECT_EQ(exit_code(measured_, options_), 4);
  EXPECT_EQ(measured_.sent(options_), 0U);
  EXPECT_THAT(why_not_green(measured_, options_),
              HasSubstr("ringbench, not the target, was the limit"));
  EXPECT_THAT(warnings(),
              ElementsAre(why_not_green(measured_, options_),
                          HasSubstr("500 answers in it are to messages that were due before"),
                          AllOf(HasSubstr("the rate was not kept"), Not(HasSubstr("the target")),
                                HasSubstr("40,000 of which never left"))));
  measured_.tally.of(Action::kTalk).in_window = 0;
  EXPECT_EQ(exit_code(measured_, options_), 1);
  EXPECT_THAT(why_not_green(measured_, options_), HasSubstr("was the limit"));
}

TEST_F(Overload, OfBothBlamesBoth) {
  never_reach();
  measured_.tally.of(Action::kTalk).refused_in_window = 300;
  EXPECT_EQ(exit_code(measured_, options_), 4);
  EXPECT_THAT(why_not_green(measured_, options_), HasSubstr("ringbench was a limit, too"));
  EXPECT_THAT(warnings(), Contains(HasSubstr("300 of 800 answers in the window had another")));
  measured_.tally.of(Action::kTalk).refused_in_window = 0;
  measured_.ended = RunEnd{"1 of 16 connections were lost"};
  EXPECT_EQ(exit_code(measured_, options_), 4);
  EXPECT_EQ(why_not_green(measured_, options_), measured_.ended->sentence);
  EXPECT_THAT(warnings(), Contains(HasSubstr("ringbench was a limit, too")));
  EXPECT_THAT(warnings(), Not(Contains(HasSubstr("not the target"))));
}

// All of it left, or was not sent since too much was outstanding.
TEST_F(Overload, OfTheTargetIsNotAsAskedEither) {
  measured_.tally.of(Action::kTalk).unsent = 100;
  measured_.tally.never(Unsent::kOutstanding) = 100;
  EXPECT_EQ(exit_code(measured_, options_), 4);
  EXPECT_EQ(measured_.sent(options_), kDue - 100);
  EXPECT_THAT(why_not_green(measured_, options_),
              HasSubstr("500 answers in it are to messages that were due before"));
  EXPECT_THAT(warnings(), Contains(AllOf(HasSubstr("the target did not keep the rate"),
                                         HasSubstr("100 of which never left (100 since too many "
                                                   "had no answer yet)"))));
  EXPECT_THAT(warnings(), Not(Contains(HasSubstr("ringbench"))));
}

TEST_F(Overload, ABottleneckThatCostTheRateIsNotAsAsked) {
  ActionTally& talk = measured_.tally.of(Action::kTalk);
  talk.answered = kDue;
  talk.failed = 0;
  talk.times = {};
  measured_.own.cpu.busiest_run_ns = 95 * kSecondNs / 10;
  EXPECT_EQ(exit_code(measured_, options_), 4);
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("ringbench, not the target, is the bottleneck"),
                                      HasSubstr("the rate was not kept")));
  talk.in_window = kDue;
  EXPECT_EQ(exit_code(measured_, options_), 0);
}

TEST_F(Overload, OfAClosedLoopIsToldWhereAllAnswersCameLate) {
  options_.rate.reset();
  ActionTally& talk = measured_.tally.of(Action::kTalk);
  talk = {};
  talk.due = talk.answered = talk.late = 100;
  EXPECT_EQ(exit_code(measured_, options_), 4);
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("all 100 answers came after its end")));
  EXPECT_EQ(why_not_green(measured_, options_), warnings().front());
}

// Answered, but not one of them in time: the rate that is told is that of others.
TEST_F(Overload, WhereAllAnswersCameLateIsNotAsAsked) {
  ActionTally& talk = measured_.tally.of(Action::kTalk);
  talk.answered = talk.late = kDue;
  talk.failed = 0;
  talk.times = {};
  EXPECT_EQ(exit_code(measured_, options_), 4);
  EXPECT_THAT(why_not_green(measured_, options_),
              AllOf(HasSubstr("all 40,000 answers came after its end"),
                    HasSubstr("the 500 answers in it are to messages that were due before")));
}

TEST_F(Overload, OfTooFewConnectionsIsNotTheTargets) {
  options_.scenario = Scenario::kLogin;
  for (ActionTally& action : measured_.tally.actions) action = {};
  ActionTally& login = measured_.tally.of(Action::kLogin);
  login.due = kDue;
  login.answered = login.in_window = kDue / 4;
  login.failed = login.unsent = measured_.tally.never(Unsent::kBusy) = kDue / 2;
  measured_.tally.busy_late = kDue / 4;
  EXPECT_EQ(exit_code(measured_, options_), 4);
  EXPECT_TRUE(measured_.generator_is_bottleneck(options_));
  EXPECT_THAT(why_not_green(measured_, options_),
              AllOf(HasSubstr("all connections were busy: of 40,000 logins that were due 10,000 "
                              "began after the window's end and 20,000 never"),
                    HasSubstr("give more --connections")));
  EXPECT_THAT(warnings(), Not(Contains(HasSubstr("the target did not"))));
}

// What left late was answered at once.
TEST_F(Overload, OfAScheduleThatDragsIsItsOwnLimit) {
  ActionTally& talk = measured_.tally.of(Action::kTalk);
  talk.answered = talk.in_window = kDue / 2;
  talk.failed = 0;
  talk.times = {};
  measured_.tally.lag = {};
  measured_.tally.lag.record(20'000'000, kDue);
  EXPECT_EQ(exit_code(measured_, options_), 0);
  EXPECT_THAT(warnings(), Contains(HasSubstr("the target did not keep the rate")));
  measured_.tally.lag.record(512'000'000, kDue);
  EXPECT_EQ(exit_code(measured_, options_), 4);
  EXPECT_THAT(why_not_green(measured_, options_),
              HasSubstr("not the target, was the limit: a tenth"));
  EXPECT_THAT(warnings(), Not(Contains(HasSubstr("the target did not"))));
  measured_.tally.held_back = 2 * kDue;
  EXPECT_EQ(exit_code(measured_, options_), 0) << "the target took no more";
  measured_.tally.held_back = 0;
  talk.in_window = kDue;
  EXPECT_EQ(exit_code(measured_, options_), 0) << "the rate was kept all the same";
}

TEST(LostBy, SaysWhatToDo) {
  EXPECT_THAT(lost_by(kKickedOutText),
              AllOf(HasSubstr("--account-prefix"), Not(HasSubstr("the target's log"))));
  EXPECT_THAT(lost_by("slow_consumer"),
              HasSubstr("the first one was lost by: slow_consumer; see the target's log"));
  EXPECT_EQ(lost_by(""), ": see the target's log");
}

}  // namespace
}  // namespace ringgate::bench
