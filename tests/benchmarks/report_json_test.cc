#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <set>

#include "benchmarks/ringbench/report_format.h"
#include "sample_measurement.h"

namespace ringgate::bench {
namespace {

using simdjson::dom::element;

class ReportJsonTest : public testing::Test {
 protected:
  element read() {
    json_ = as_json(measured_, options_);
    element root;
    EXPECT_EQ(parser_.parse(json_).get(root), simdjson::SUCCESS) << json_;
    return root;
  }
  static double number(element root, std::string_view pointer) {
    double value = -1;
    EXPECT_EQ(root.at_pointer(pointer).get(value), simdjson::SUCCESS) << pointer;
    return value;
  }
  static std::uint64_t count(element root, std::string_view pointer) {
    std::uint64_t value = 0;
    EXPECT_EQ(root.at_pointer(pointer).get(value), simdjson::SUCCESS) << pointer;
    return value;
  }
  static std::string text(element root, std::string_view pointer) {
    std::string_view value;
    EXPECT_EQ(root.at_pointer(pointer).get(value), simdjson::SUCCESS) << pointer;
    return std::string(value);
  }
  static bool flag(element root, std::string_view pointer) {
    bool value = false;
    EXPECT_EQ(root.at_pointer(pointer).get(value), simdjson::SUCCESS) << pointer;
    return value;
  }
  static bool is_null(element root, std::string_view pointer) {
    element found;
    EXPECT_EQ(root.at_pointer(pointer).get(found), simdjson::SUCCESS) << pointer;
    return found.is_null();
  }
  static std::size_t size(element root, std::string_view pointer) {
    simdjson::dom::array array;
    EXPECT_EQ(root.at_pointer(pointer).get(array), simdjson::SUCCESS) << pointer;
    return array.size();
  }
  // Every key at every depth, but for statuses, actions and the elements of arrays.
  static std::set<std::string> keys(element root) {
    std::set<std::string> all;
    for (const auto field : root.get_object()) {
      all.emplace(field.key);
      if (!field.value.is_object() || field.key == "actions") continue;
      for (const std::string& inner : keys(field.value)) {
        if (field.key != "by_status") all.insert(std::string(field.key) + "." + inner);
      }
    }
    return all;
  }

  std::unique_ptr<Sample> sample_ = make_sample();
  Measurement& measured_ = sample_->measured;
  Options& options_ = sample_->options;
  simdjson::dom::parser parser_;
  std::string json_;
};

TEST_F(ReportJsonTest, TellsTheSetting) {
  const element root = read();
  EXPECT_FALSE(text(root, "/ringbench").empty());
  EXPECT_EQ(text(root, "/scenario"), "talk");
  EXPECT_EQ(text(root, "/target"), "tcp://127.0.0.1:8001");
  EXPECT_EQ(text(root, "/transport"), "tcp");
  EXPECT_EQ(count(root, "/connections"), 12'345U);
  EXPECT_EQ(count(root, "/threads"), 2U);
  EXPECT_EQ(text(root, "/loop"), "open");
  EXPECT_EQ(number(root, "/rate"), 2000);
  EXPECT_TRUE(is_null(root, "/in_flight"));
  EXPECT_TRUE(is_null(root, "/heartbeat_s"));
  EXPECT_EQ(count(root, "/body_bytes"), 48U);
  EXPECT_TRUE(is_null(root, "/fanout"));
  EXPECT_EQ(number(root, "/window_s"), 10);
  EXPECT_EQ(number(root, "/warmup_s"), 1.5);
  EXPECT_EQ(number(root, "/set_up_s"), 2.5);
  EXPECT_EQ(number(root, "/set_up_logins_per_second"), 4938);
  EXPECT_FALSE(flag(root, "/stopped_early"));
}

TEST_F(ReportJsonTest, TellsCountsAndTimes) {
  const element root = read();
  EXPECT_EQ(count(root, "/sent"), 20'011U);
  EXPECT_EQ(count(root, "/answered"), 20'000U);
  EXPECT_EQ(count(root, "/late"), 5U);
  EXPECT_EQ(count(root, "/failed"), 14U);
  EXPECT_EQ(count(root, "/answered_in_window"), 19'990U);
  EXPECT_EQ(count(root, "/messages"), 20'020U);
  EXPECT_EQ(number(root, "/per_second"), 1999);
  EXPECT_TRUE(flag(root, "/kept_rate"));
  const Histogram& talks = measured_.tally.of(Action::kTalk).times.answered;
  const Histogram& deliveries = measured_.tally.of(Action::kDelivery).times.answered;
  EXPECT_EQ(count(root, "/latency_us/count"), 20'000U);
  EXPECT_NEAR(number(root, "/latency_us/mean"), talks.mean_ns() / 1000, 0.001);
  EXPECT_NEAR(number(root, "/latency_us/p999"), to_us(talks.quantile_ns(0.999)), 0.001);
  EXPECT_NEAR(number(root, "/latency_us/max"), to_us(talks.max_ns()), 0.001);
  EXPECT_EQ(count(root, "/actions/talk/sent"), 20'011U);
  EXPECT_EQ(count(root, "/actions/talk/answered"), 20'000U);
  EXPECT_EQ(count(root, "/actions/delivery/failed"), 3U);
  EXPECT_EQ(count(root, "/actions/delivery/late"), 7U);
  EXPECT_EQ(number(root, "/actions/delivery/per_second"), 1998);
  EXPECT_EQ(size(root, "/latency_us/at_least"), 0U);
  EXPECT_EQ(count(root, "/retries"), 2U);
  EXPECT_NEAR(number(root, "/actions/delivery/latency_us/p50"), to_us(deliveries.quantile_ns(0.5)),
              0.001);
  EXPECT_EQ(root["actions"].get_object().value_unsafe().size(), 2U);
  EXPECT_EQ(count(root, "/connects"), 12'346U);
  EXPECT_EQ(count(root, "/logins"), 12'347U);
  EXPECT_EQ(count(root, "/lost_packets"), 4U);
  const Histogram& lag = measured_.tally.lag;
  EXPECT_NEAR(number(root, "/schedule_lag_us/p99"), to_us(lag.quantile_ns(0.99)), 0.001);
}

TEST_F(ReportJsonTest, NamesTheTimesThatAreAtLeastWhatIsTold) {
  measured_.tally.of(Action::kTalk).times.unanswered.record(2'000'000'000, 400);
  const element root = read();
  EXPECT_EQ(count(root, "/latency_us/count"), 20'400U);
  EXPECT_EQ(count(root, "/latency_us/unanswered"), 400U);
  ASSERT_EQ(size(root, "/latency_us/at_least"), 5U);
  EXPECT_EQ(text(root, "/latency_us/at_least/0"), "mean");
  EXPECT_EQ(text(root, "/latency_us/at_least/1"), "p99");
  EXPECT_EQ(text(root, "/latency_us/at_least/4"), "max");
  EXPECT_NEAR(number(root, "/latency_us/p99"), 2e6, 2e4);
  EXPECT_TRUE(flag(root, "/fail_if/0/at_least"));  // p99>20ms
  EXPECT_TRUE(flag(root, "/fail_if/0/failed"));
}

TEST_F(ReportJsonTest, TellsWhyARunEnded) {
  EXPECT_TRUE(is_null(read(), "/ended_by"));
  measured_.ended = RunEnd{"no ports", true};
  const element root = read();
  EXPECT_EQ(text(root, "/ended_by"), "no ports");
  EXPECT_TRUE(flag(root, "/own_limit"));
  EXPECT_EQ(count(root, "/exit_code"), 4U);
}

TEST_F(ReportJsonTest, TellsErrorsByKindAndStatus) {
  const element root = read();
  EXPECT_EQ(count(root, "/errors/total"), 80U);
  for (std::size_t kind = 0; kind < kErrorKinds; ++kind) {
    EXPECT_EQ(count(root, fmt::format("/errors/{}", name_of(static_cast<ErrorKind>(kind)))),
              measured_.tally.errors[kind]);
  }
  EXPECT_EQ(count(root, "/errors/by_status/300"), 9U);
  EXPECT_EQ(count(root, "/errors/by_status/404"), 3U);
}

TEST_F(ReportJsonTest, TellsProcessorsAndMemory) {
  const element root = read();
  const ProcessUse& target = sample_->target();
  const auto run_ns = static_cast<double>(target.cpu.run_ns);
  EXPECT_NEAR(number(root, "/target_cpu/us_per_message"), run_ns / 1000 / 20'020, 0.0001);
  EXPECT_NEAR(number(root, "/target_cpu/user_us_per_message"), target.cpu.user_s * 1e6 / 20'020,
              0.0001);
  EXPECT_NEAR(number(root, "/target_cpu/system_s"), target.cpu.system_s, 0.001);
  EXPECT_EQ(count(root, "/target_cpu/cpu_ns"), target.cpu.run_ns);
  EXPECT_NEAR(number(root, "/target_cpu/busiest_thread"), 0.6 * run_ns / 10e9, 0.0001);
  EXPECT_EQ(count(root, "/target_cpu/waited_ns"), target.cpu.wait_ns);
  EXPECT_EQ(count(root, "/target_cpu/voluntary_switches"), 10'000U);
  EXPECT_EQ(count(root, "/target_cpu/involuntary_switches"), 300U);
  EXPECT_EQ(count(root, "/target_cpu/rss_begin_bytes"), 120'000'000U);
  EXPECT_EQ(count(root, "/target_cpu/rss_end_bytes"), 123'000'000U);
  EXPECT_EQ(count(root, "/target_cpu/rss_peak_bytes"), 130'500'000U);
  EXPECT_EQ(count(root, "/own_cpu/cpu_ns"), measured_.own.cpu.run_ns);
  EXPECT_FALSE(flag(root, "/generator_is_bottleneck"));
}

// One verdict: who was the limit, what is said of it, and how it ends.
TEST_F(ReportJsonTest, AgreesOnWhoWasTheLimit) {
  measured_.tally.behind_late = 19'000;
  const element root = read();
  EXPECT_TRUE(flag(root, "/own_limit"));
  EXPECT_TRUE(flag(root, "/generator_is_bottleneck"));
  EXPECT_EQ(count(root, "/exit_code"), 4U);
}

TEST_F(ReportJsonTest, AScheduleThatNothingLeftOnHasNoLag) {
  EXPECT_FALSE(is_null(read(), "/schedule_lag_us"));
  measured_.tally.lag = {};
  EXPECT_TRUE(is_null(read(), "/schedule_lag_us"));
}

TEST_F(ReportJsonTest, TellsVerdicts) {
  measured_.stopped_early = true;
  options_.fail_if.push_back(parse_fail_if("login.p99>1s").value());
  const element root = read();
  EXPECT_TRUE(flag(root, "/stopped_early"));
  EXPECT_EQ(size(root, "/warnings"), 1U);
  ASSERT_EQ(size(root, "/fail_if"), 4U);
  EXPECT_EQ(text(root, "/fail_if/1/expression"), "errors>0");
  EXPECT_EQ(number(root, "/fail_if/1/value"), 80);
  EXPECT_TRUE(flag(root, "/fail_if/1/failed"));
  EXPECT_FALSE(flag(root, "/fail_if/2/failed"));
  EXPECT_TRUE(is_null(root, "/fail_if/3/value"));
  EXPECT_TRUE(flag(root, "/fail_if/3/failed"));
}

TEST_F(ReportJsonTest, TellsTheTimeline) {
  const element root = read();
  ASSERT_EQ(size(root, "/timeline"), 10U);
  EXPECT_EQ(number(root, "/timeline/0/t_s"), 1);
  EXPECT_EQ(count(root, "/timeline/3/answered"), 2000U);
  EXPECT_EQ(count(root, "/timeline/3/delivered"), 2000U);
  EXPECT_EQ(count(root, "/timeline/6/errors"), 9U);
  EXPECT_NEAR(number(root, "/timeline/2/p99_us"),
              to_us(measured_.tally.timeline[2].times.quantile_ns(0.99)), 0.001);
  const auto& samples = measured_.target_samples;
  EXPECT_NEAR(number(root, "/timeline/0/target_cpu"),
              static_cast<double>(samples[1].cpu.threads.at(1).run_ns +
                                  samples[1].cpu.threads.at(2).run_ns) /
                  1e9,
              0.0001);
  EXPECT_EQ(count(root, "/timeline/4/target_rss_bytes"), 130'500'000U);
  EXPECT_GT(number(root, "/timeline/9/own_cpu"), 0);
}

TEST_F(ReportJsonTest, ATimelineEndsWithAWindowCutShort) {
  measured_.window_s = 3.25;
  measured_.target_samples.resize(3);
  const element root = read();
  ASSERT_EQ(size(root, "/timeline"), 4U);
  EXPECT_EQ(number(root, "/timeline/3/t_s"), 3.25);
  EXPECT_FALSE(is_null(root, "/timeline/1/target_cpu"));
  EXPECT_TRUE(is_null(root, "/timeline/2/target_cpu"));
  EXPECT_TRUE(is_null(root, "/timeline/2/target_rss_bytes"));
}

TEST_F(ReportJsonTest, EveryKeyIsThereWhenNothingWasMeasured) {
  auto expected = keys(read());
  const Measurement nothing;
  Options ping;
  json_ = as_json(nothing, ping);
  element root;
  ASSERT_EQ(parser_.parse(json_).get(root), simdjson::SUCCESS) << json_;
  EXPECT_TRUE(is_null(root, "/latency_us/p50"));
  EXPECT_TRUE(is_null(root, "/schedule_lag_us"));
  EXPECT_TRUE(is_null(root, "/target_cpu"));
  EXPECT_TRUE(is_null(root, "/own_cpu/us_per_message"));
  EXPECT_EQ(count(root, "/actions/ping/sent"), 0U);
  EXPECT_EQ(count(root, "/in_flight"), 1U);
  EXPECT_EQ(size(root, "/timeline"), 0U);
  std::erase_if(expected, [](const std::string& key) {
    return key.starts_with("target_cpu.") || key.starts_with("schedule_lag_us.");
  });
  EXPECT_EQ(keys(root), expected);
}

TEST_F(ReportJsonTest, AwkwardTextsStayWhatTheyAre) {
  options_.target.text = "ws://h:1/\"</script>\\\n\t\x01 caf\xc3\xa9";
  options_.target.transport = Transport::kWebSocket;
  element root = read();
  EXPECT_EQ(text(root, "/target"), options_.target.text);
  EXPECT_EQ(text(root, "/transport"), "ws");
  options_.target.text = "no utf-8: \xff!";
  root = read();
  EXPECT_EQ(text(root, "/target"), "no utf-8: \xef\xbf\xbd!");
}

TEST_F(ReportJsonTest, OtherScenariosTellTheirOwn) {
  options_.scenario = Scenario::kIdle;
  options_.rate.reset();
  element root = read();
  EXPECT_EQ(text(root, "/loop"), "open");
  EXPECT_EQ(number(root, "/heartbeat_s"), 30);
  EXPECT_TRUE(is_null(root, "/rate"));
  EXPECT_TRUE(is_null(root, "/body_bytes"));
  options_.scenario = Scenario::kPush;
  options_.service.fanout = 7;
  root = read();
  EXPECT_EQ(text(root, "/loop"), "closed");
  EXPECT_EQ(count(root, "/fanout"), 7U);
  EXPECT_EQ(count(root, "/in_flight"), 1U);
  EXPECT_TRUE(is_null(root, "/schedule_lag_us"));
}

}  // namespace
}  // namespace ringgate::bench
