#include "benchmarks/ringbench/measurement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "benchmarks/ringbench/fail_if.h"
#include "benchmarks/ringbench/run_state.h"
#include "sample_measurement.h"

namespace ringgate::bench {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class MeasurementTest : public testing::Test {
 protected:
  [[nodiscard]] std::vector<std::string> warnings() const { return measured_.warnings(options_); }

  std::unique_ptr<Sample> sample_ = make_sample();
  Measurement& measured_ = sample_->measured;
  Options& options_ = sample_->options;
};

TEST_F(MeasurementTest, SumsItsActions) {
  const auto sum = [&](std::uint64_t ActionTally::* count) {
    return measured_.sum(options_, count);
  };
  EXPECT_EQ(sum(&ActionTally::due), 20'011U);  // a delivery is a part of its talk
  EXPECT_EQ(sum(&ActionTally::due), sum(&ActionTally::answered) + sum(&ActionTally::failed));
  EXPECT_EQ(sum(&ActionTally::late), 5U);
  EXPECT_DOUBLE_EQ(measured_.per_second(options_), 1999);  // in the window, late ones not
  options_.scenario = Scenario::kPush;
  EXPECT_EQ(sum(&ActionTally::due), 20'003U);
  EXPECT_DOUBLE_EQ(measured_.per_second(options_), 1998);
  options_.scenario = Scenario::kTalk;
  EXPECT_THAT(measured_.used_actions(options_), ElementsAre(Action::kTalk, Action::kDelivery));
  EXPECT_EQ(measured_.times(options_).count(), 20'000U);
  EXPECT_EQ(measured_.per_message_us(20'020'000), 1);
  EXPECT_EQ(measured_.set_up_logins_per_second(options_), 4938);
}

TEST_F(MeasurementTest, KnowsWhatAScenarioIsAbout) {
  options_.mix = {{.action = Action::kForward}};
  const std::pair<Scenario, Action> expected[] = {
      {Scenario::kPing, Action::kPing},   {Scenario::kForward, Action::kForward},
      {Scenario::kTalk, Action::kTalk},   {Scenario::kPush, Action::kDelivery},
      {Scenario::kLogin, Action::kLogin}, {Scenario::kIdle, Action::kPing},
      {Scenario::kMix, Action::kForward}};
  for (const auto& [scenario, action] : expected) {
    options_.scenario = scenario;
    EXPECT_EQ(measured_.main_action(options_), action) << name_of(scenario);
  }
}

TEST_F(MeasurementTest, DividesByNothingWithoutMessagesOrTime) {
  const auto empty = std::make_unique<Measurement>();
  EXPECT_EQ(empty->per_second(options_), 0);
  EXPECT_FALSE(empty->per_message_us(5));
  EXPECT_EQ(empty->share_of_window(5), 0);
  EXPECT_FALSE(empty->set_up_logins_per_second(options_));
  options_.raw = true;
  EXPECT_FALSE(measured_.set_up_logins_per_second(options_));
  EXPECT_THAT(empty->used_actions(options_), ElementsAre(Action::kTalk));
  EXPECT_FALSE(as_text(*empty, options_).empty());
}

TEST_F(MeasurementTest, WarnsOfNothingWhenAllIsWell) {
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(MeasurementTest, WarnsWhenTheGeneratorIsTheBottleneck) {
  measured_.own.cpu.busiest_run_ns = 95 * kSecondNs / 10;
  EXPECT_TRUE(measured_.generator_is_bottleneck(options_));
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("ringbench, not the target, is the bottleneck")));

  sample_->target().cpu.busiest_run_ns = 85 * kSecondNs / 10;
  EXPECT_FALSE(measured_.generator_is_bottleneck(options_));
  EXPECT_THAT(warnings(), IsEmpty());

  measured_.target.reset();
  EXPECT_FALSE(measured_.generator_is_bottleneck(options_));
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("--pid to compare")));
}

TEST_F(MeasurementTest, WarnsWhenItFellBehindItsSchedule) {
  for (int message = 0; message < 1000; ++message) measured_.tally.lag.record(3'000'000);
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("behind its schedule")));
  options_.rate.reset();
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(MeasurementTest, WarnsOfWaitingForACpu) {
  measured_.own.cpu.wait_ns = measured_.own.cpu.run_ns / 2;
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("ringbench waited")));
  sample_->target().cpu.wait_ns = 2 * sample_->target().cpu.run_ns;
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("ringbench waited"), HasSubstr("200 % of")));
  // Little of hardly anything is no reason to worry.
  measured_.own.cpu = {.run_ns = 1000, .wait_ns = 1000, .busiest_run_ns = 1000};
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("the target waited")));
}

TEST_F(MeasurementTest, WarnsOfHandshakesThatWereNotResumed) {
  for (int handshake = 0; handshake < 200; ++handshake) measured_.tally.handshakes.record(1'000);
  EXPECT_THAT(warnings(), IsEmpty());
  options_.tls_resume = true;
  measured_.tally.resumed = 198;
  EXPECT_THAT(warnings(), IsEmpty());
  measured_.tally.resumed = 197;
  EXPECT_THAT(warnings(),
              ElementsAre(AllOf(HasSubstr("in 3 of 200 handshakes"), HasSubstr("TlsTicketKeys"))));
}

TEST_F(MeasurementTest, WarnsOfARunCutShortAndOfNoAnswers) {
  measured_.stopped_early = true;
  measured_.window_s = measured_.sampled_s = 4.5;
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("4.50 s of 10.00 s")));
  for (ActionTally& action : measured_.tally.actions) action.answered = action.in_window = 0;
  EXPECT_THAT(warnings(), Contains(HasSubstr("nothing was answered")));
}

TEST_F(MeasurementTest, WarnsWhenTheTargetDidNotKeepTheRate) {
  ActionTally& talk = measured_.tally.of(Action::kTalk);
  EXPECT_EQ(measured_.kept_rate(options_), true);
  talk.in_window = 15'000;
  talk.late = 5'000;
  EXPECT_EQ(measured_.kept_rate(options_), false);
  EXPECT_THAT(
      warnings(),
      ElementsAre(AllOf(HasSubstr("did not keep the rate"), HasSubstr("2,001 per second were due"),
                        HasSubstr("1,500 were answered"), HasSubstr("5,000 answers came after"),
                        HasSubstr("11 had another status than Success, 0 messages had none"))));
  options_.rate.reset();
  EXPECT_FALSE(measured_.kept_rate(options_).has_value());
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(MeasurementTest, WarnsOfRefusalsInAClosedLoop) {
  options_.rate.reset();
  ActionTally& talk = measured_.tally.of(Action::kTalk);
  talk.failed = 300;
  EXPECT_EQ(measured_.refused(options_), 300U);
  EXPECT_THAT(warnings(),
              ElementsAre(HasSubstr("300 of 20,011 messages that were due in the window "
                                    "were answered with another status than Success")));
  talk.times.unanswered.record(kSecondNs, 290);
  EXPECT_EQ(measured_.refused(options_), 10U);
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(MeasurementTest, WarnsOfWhatWasNotDelivered) {
  measured_.tally.errors[static_cast<std::size_t>(ErrorKind::kNotDelivered)] = 5;
  measured_.tally.lost_packets = 3;
  measured_.tally.errors[static_cast<std::size_t>(ErrorKind::kMisdelivered)] = 2;
  EXPECT_THAT(warnings(),
              ElementsAre(HasSubstr("3 of 20,003 pushes that were due in the window never came to "
                                    "their receivers, 5 with those of the warm-up"),
                          HasSubstr("2 pushes came to connections that they were not for")));
}

// A talk that had no answer and was not delivered either has failed once.
TEST_F(MeasurementTest, ATalkThatWasNotDeliveredHasFailed) {
  EXPECT_EQ(measured_.failed(options_), 14U);
  measured_.tally.of(Action::kTalk).times.unanswered.record(kSecondNs, 2);
  EXPECT_EQ(measured_.failed(options_), 12U);
  options_.scenario = Scenario::kPush;
  EXPECT_EQ(measured_.failed(options_), 3U);
}

TEST_F(MeasurementTest, SaysWhyNothingWasAnswered) {
  options_.fail_if.clear();
  options_.scenario = Scenario::kIdle;
  options_.connections = 2;
  for (ActionTally& action : measured_.tally.actions) action = {};
  measured_.tally.errors = {};
  EXPECT_EQ(exit_code(measured_, options_), 1);
  const std::string idle = why_not_green(measured_, options_);
  EXPECT_THAT(idle, HasSubstr("nothing was due in the window of 10.00 s"));
  EXPECT_THAT(idle, HasSubstr("--heartbeat"));
  EXPECT_THAT(warnings(), ElementsAre(idle));
  options_.scenario = Scenario::kPing;
  EXPECT_THAT(why_not_green(measured_, options_), Not(HasSubstr("see the errors")));
  measured_.tally.errors[0] = 1;
  EXPECT_THAT(why_not_green(measured_, options_), HasSubstr("nothing was due"));
  measured_.tally.of(Action::kPing).due = 1;
  EXPECT_THAT(why_not_green(measured_, options_), HasSubstr("nothing was answered with Success"));
  EXPECT_THAT(why_not_green(measured_, options_), HasSubstr("see the errors"));
}

TEST_F(MeasurementTest, WhatRingbenchDidNotSendInTimeIsItsOwnLimit) {
  options_.fail_if.clear();
  EXPECT_EQ(exit_code(measured_, options_), 0);
  measured_.tally.behind_late = 300;  // 2,001 a second: more than a tenth of a second behind
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("300 left after the window's end and 0 never")));
  EXPECT_EQ(exit_code(measured_, options_), 4);
  EXPECT_EQ(why_not_green(measured_, options_), warnings().front());
}

TEST_F(MeasurementTest, IsGreenOnlyWhenWhatWasAskedWasMeasured) {
  EXPECT_EQ(exit_code(measured_, options_), 3);  // errors>0
  measured_.ended = RunEnd{"the target has gone", false};
  EXPECT_EQ(exit_code(measured_, options_), 3);
  EXPECT_THAT(warnings(), ElementsAre("the target has gone"));
  options_.fail_if.clear();
  EXPECT_EQ(exit_code(measured_, options_), 4);
  EXPECT_EQ(why_not_green(measured_, options_), "the target has gone");
  measured_.ended->own_limit = true;  // then a condition would judge the target by it
  options_.fail_if.push_back(parse_fail_if("errors>0").value());
  EXPECT_EQ(exit_code(measured_, options_), 4);
  for (ActionTally& action : measured_.tally.actions) action.answered = action.in_window = 0;
  EXPECT_EQ(exit_code(measured_, options_), 1);
  measured_.ended.reset();
  options_.fail_if.clear();
  EXPECT_EQ(exit_code(measured_, options_), 1);
}

TEST_F(MeasurementTest, TextTellsWhoHadNoAnswer) {
  EXPECT_THAT(as_text(measured_, options_), Not(HasSubstr("≥")));
  measured_.tally.of(Action::kTalk).times.unanswered.record(4 * kSecondNs, 300);
  const std::string text = as_text(measured_, options_);
  EXPECT_THAT(text, HasSubstr("≥ 4.00 s"));
  EXPECT_THAT(text, HasSubstr("300 without an answer had waited at least so long"));
}

TEST_F(MeasurementTest, ARefusedLoginIsNoLostConnection) {
  measured_.tally.first_login_failure = "status 300: later";
  const std::string text = as_text(measured_, options_);
  EXPECT_THAT(text, HasSubstr("the first login that failed: status 300: later"));
  EXPECT_THAT(text, Not(HasSubstr("connection was lost by")));
}

TEST_F(MeasurementTest, TextSaysWhereAServiceOfItsOwnRan) {
  EXPECT_THAT(as_text(measured_, options_), Not(HasSubstr("played by ringbench")));
  options_.service.play = true;
  EXPECT_THAT(as_text(measured_, options_), HasSubstr("on a thread of its own"));
  options_.service.own_thread = false;
  EXPECT_THAT(as_text(measured_, options_), HasSubstr("on the first thread"));
}

TEST_F(MeasurementTest, TextTellsWhatMatters) {
  const std::string text = as_text(measured_, options_);
  EXPECT_THAT(text, HasSubstr("talk tcp://127.0.0.1:8001: 12,345 connections, 2 threads"));
  EXPECT_THAT(text, HasSubstr("open loop, 2,000 per second: times count from the intended send"));
  EXPECT_THAT(text, HasSubstr("delivery"));
  EXPECT_THAT(text, HasSubstr("4,938 logins per second"));
  EXPECT_THAT(text,
              HasSubstr("of what was due in the window; per second: what was answered in it"));
  EXPECT_THAT(text, HasSubstr("errors     80, warm-up and drain included"));
  EXPECT_THAT(text, HasSubstr("status          12 (300: 9, 404: 3)"));
  EXPECT_THAT(text, HasSubstr("unanswered      9"));
  EXPECT_THAT(text, HasSubstr("us of CPU per message"));
  EXPECT_THAT(text, HasSubstr("rough below 60 s"));
  EXPECT_THAT(text, HasSubstr("RSS 120 MB, at the end 123 MB, at most 130 MB"));
  EXPECT_THAT(text, HasSubstr("10,000 voluntary and 300 involuntary context switches, 0.514"));
  EXPECT_THAT(text, HasSubstr("errors>0            FAILED  80"));
  EXPECT_THAT(text, HasSubstr("connection_lost>10  ok      8"));
  EXPECT_THAT(text, Not(HasSubstr("closed loop")));
}

TEST_F(MeasurementTest, TextOfAClosedLoopDoesNotSpeakOfLatency) {
  options_.rate.reset();
  options_.in_flight = 8;
  options_.pid = 0;
  measured_.target.reset();
  measured_.window_s = 60;
  measured_.tally.errors = {};
  const std::string text = as_text(measured_, options_);
  EXPECT_THAT(text,
              HasSubstr("closed loop, 8 in flight per connection: its times are not latency"));
  EXPECT_THAT(text, HasSubstr("give --pid"));
  EXPECT_THAT(text, HasSubstr("errors     none"));
  EXPECT_THAT(text, Not(HasSubstr("rough")));
  EXPECT_THAT(text, Not(HasSubstr("schedule")));
}

}  // namespace
}  // namespace ringgate::bench
