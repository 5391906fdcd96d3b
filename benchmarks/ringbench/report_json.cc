#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "benchmarks/ringbench/measurement.h"
#include "benchmarks/ringbench/quantiles.h"
#include "benchmarks/ringbench/report_format.h"
#include "control/base/json_writer.h"
#include "services/flags/version.h"

namespace ringgate::bench {
namespace {

double to_s(std::int64_t ms) {
  return static_cast<double>(ms) / 1000;
}

// A measurement's numbers as JSON. Lives for one call of as_json.
class JsonReport {
 public:
  JsonReport(const Measurement& measured, const Options& options)
      : measured_(measured), options_(options), closed_(!options.open_loop()) {}

  std::string write();

 private:
  void write_setting();
  void write_totals();
  void write_times(const Times& times);
  void write_actions();
  void write_errors();
  void write_handshakes();
  void write_lag();
  void write_connection_waits();
  void write_cpu(std::string_view key, const ProcessUse& use,
                 const std::vector<ProcessSample>& samples);
  void write_verdicts();
  void write_interval(std::size_t at);
  void write_timeline();

  const Measurement& measured_;
  const Options& options_;
  bool closed_;
  JsonWriter json_{2};
};

void JsonReport::write_setting() {
  const Scenario scenario = options_.scenario;
  const bool with_body =
      scenario == Scenario::kForward || scenario == Scenario::kTalk || scenario == Scenario::kPush;
  json_.text("ringbench", version());
  json_.text("scenario", name_of(scenario));
  json_.text("target", options_.target.text);
  json_.text("transport", describe(options_.target.transport));
  json_.count("connections", options_.connections);
  json_.count("threads", options_.threads);
  json_.text("loop", closed_ ? "closed" : "open");
  json_.number("rate", options_.rate);
  json_.count("in_flight",
              closed_ ? std::optional<std::uint64_t>(options_.in_flight) : std::nullopt);
  json_.number("heartbeat_s", scenario == Scenario::kIdle
                                  ? std::optional(to_s(options_.heartbeat_ms))
                                  : std::nullopt);
  if (options_.service.play) {
    json_.text("service_thread", options_.service.own_thread ? "own" : "shared");
  } else {
    json_.null("service_thread");
  }
  json_.count("body_bytes",
              with_body ? std::optional<std::uint64_t>(options_.body_bytes) : std::nullopt);
  json_.count("fanout", scenario == Scenario::kPush
                            ? std::optional<std::uint64_t>(options_.service.fanout)
                            : std::nullopt);
}

void JsonReport::write_totals() {
  json_.number("window_s", measured_.window_s, 6);
  json_.number("warmup_s", to_s(options_.warmup_ms));
  json_.number("service_wait_s",
               options_.service.play ? std::optional(measured_.service_wait_s) : std::nullopt);
  json_.number("set_up_s", measured_.set_up_s);
  json_.number("set_up_logins_per_second", measured_.set_up_logins_per_second(options_), 1);
  json_.flag("stopped_early", measured_.stopped_early);
  if (measured_.ended) {
    json_.text("ended_by", measured_.ended->sentence);
  } else {
    json_.null("ended_by");
  }
  json_.flag("own_limit", measured_.own_limit(options_).has_value());
  json_.count("exit_code", static_cast<std::uint64_t>(exit_code(measured_, options_)));
  json_.count("due", measured_.sum(options_, &ActionTally::due));
  json_.count("sent", measured_.sent(options_));
  // With `sent` all that was due.
  json_.object("never_left", [&] {
    for (std::size_t at = 0; at < kUnsentReasons; ++at) {
      json_.count(name_of(static_cast<Unsent>(at)), measured_.tally.never_left[at]);
    }
  });
  json_.count("answered", measured_.sum(options_, &ActionTally::answered));
  json_.count("late", measured_.sum(options_, &ActionTally::late));
  json_.count("failed", measured_.failed(options_));
  json_.count("answered_in_window", measured_.sum(options_, &ActionTally::in_window));
  json_.count("messages", measured_.messages);
  json_.number("per_second", measured_.per_second(options_));
  if (const auto kept = measured_.kept_rate(options_)) {
    json_.flag("kept_rate", *kept);
  } else {
    json_.null("kept_rate");
  }
}

// `at_least` names those that lie among the messages without an answer.
void JsonReport::write_times(const Times& times) {
  std::vector<std::string_view> at_least;
  const auto tell = [&](std::string_view key, const std::optional<ToldTime>& time) {
    json_.number(key, time ? std::optional(time->us) : std::nullopt);
    if (time && time->at_least) at_least.push_back(key);
  };
  json_.object("latency_us", [&] {
    json_.count("count", times.count());
    json_.count("unanswered", times.unanswered.count());
    tell("mean", times.mean());
    for (const Quantile& quantile : kQuantiles) {
      tell(quantile.json_key, times.quantile(quantile.fraction));
    }
    tell("max", times.max());
    json_.array("at_least", [&] {
      for (const std::string_view key : at_least) json_.text("", key);
    });
  });
}

void JsonReport::write_actions() {
  json_.object("actions", [&] {
    for (const Action action : measured_.used_actions(options_)) {
      const ActionTally& counted = measured_.tally.of(action);
      json_.object(name_of(action), [&] {
        json_.count("due", counted.due);
        json_.count("sent", counted.sent());
        json_.count("answered", counted.answered);
        json_.count("late", counted.late);
        json_.count("failed", counted.failed);
        json_.count("answered_in_window", counted.in_window);
        json_.number("per_second", measured_.per_second(counted.in_window));
        write_times(counted.times);
      });
    }
  });
  write_handshakes();
  json_.count("connects", measured_.tally.connects);
  json_.count("logins", measured_.tally.logins);
  json_.count("retries", measured_.tally.retries);
  json_.count("came_again", measured_.tally.came_again);
  json_.count("lost_packets", measured_.tally.lost_packets);
  json_.text("first_login_failure", measured_.tally.first_login_failure);
  json_.text("first_loss", measured_.tally.first_loss);
}

// All of them, set-up included; null without TLS.
void JsonReport::write_handshakes() {
  const Histogram& times = measured_.tally.handshakes;
  if (!options_.target.tls) return json_.null("tls");
  const auto us = [&](std::uint64_t ns) {
    return times.count() == 0 ? std::nullopt : std::optional(to_us(ns));
  };
  json_.object("tls", [&] {
    json_.count("handshakes", times.count());
    json_.count("resumed", measured_.tally.resumed);
    json_.number("p50_us", us(times.quantile_ns(0.5)));
    json_.number("p99_us", us(times.quantile_ns(0.99)));
    json_.number("max_us", us(times.max_ns()));
  });
}

void JsonReport::write_errors() {
  const Tally& tally = measured_.tally;
  json_.object("errors", [&] {
    json_.count("total", tally.all_errors());
    for (std::size_t kind = 0; kind < kErrorKinds; ++kind) {
      json_.count(name_of(static_cast<ErrorKind>(kind)), tally.errors[kind]);
    }
    json_.object("by_status", [&] {
      for (std::size_t status = 0; status < Tally::kStatuses; ++status) {
        if (tally.statuses[status] > 0) {
          json_.count(fmt::format("{}", status), tally.statuses[status]);
        }
      }
    });
  });
}

void JsonReport::write_lag() {
  const Histogram& lag = measured_.tally.lag;
  if (closed_ || lag.count() == 0) return json_.null("schedule_lag_us");
  json_.object("schedule_lag_us", [&] {
    json_.number("p50", to_us(lag.quantile_ns(0.5)));
    json_.number("p99", to_us(lag.quantile_ns(0.99)));
    json_.number("max", to_us(lag.max_ns()));
  });
}

void JsonReport::write_connection_waits() {
  const Histogram& waits = measured_.tally.connection_waits;
  if (waits.count() == 0) return json_.null("connection_wait_us");
  json_.object("connection_wait_us", [&] {
    json_.count("count", waits.count());
    json_.number("p50", to_us(waits.quantile_ns(0.5)));
    json_.number("p99", to_us(waits.quantile_ns(0.99)));
    json_.number("max", to_us(waits.max_ns()));
  });
}

void JsonReport::write_cpu(std::string_view key, const ProcessUse& use,
                           const std::vector<ProcessSample>& samples) {
  const CpuUse& cpu = use.cpu;
  json_.object(key, [&] {
    json_.number("us_per_message", measured_.per_message_us(static_cast<double>(cpu.run_ns)), 4);
    json_.number("user_us_per_message", measured_.per_message_us(cpu.user_s * 1e9), 4);
    json_.number("system_us_per_message", measured_.per_message_us(cpu.system_s * 1e9), 4);
    json_.count("cpu_ns", cpu.run_ns);
    json_.number("user_s", cpu.user_s);
    json_.number("system_s", cpu.system_s);
    json_.number("busiest_thread", measured_.share_of_window(cpu.busiest_run_ns), 4);
    json_.count("waited_ns", cpu.wait_ns);
    json_.count("voluntary_switches", use.voluntary_switches);
    json_.count("involuntary_switches", use.involuntary_switches);
    json_.count("rss_begin_bytes", use.rss_begin_bytes);
    json_.count("rss_end_bytes", use.rss_end_bytes);
    json_.count("rss_peak_bytes", Measurement::rss_peak_bytes(use, samples));
  });
}

void JsonReport::write_verdicts() {
  json_.flag("generator_is_bottleneck", measured_.generator_is_bottleneck(options_));
  json_.array("warnings", [&] {
    for (const std::string& sentence : measured_.warnings(options_)) json_.text("", sentence);
  });
  json_.array("fail_if", [&] {
    for (const FailIf& condition : options_.fail_if) {
      const FailIfOutcome outcome = evaluate(condition, measured_, options_);
      json_.object("", [&] {
        json_.text("expression", condition.text);
        json_.number("value", outcome.known ? std::optional(outcome.value) : std::nullopt);
        json_.flag("at_least", outcome.at_least);
        json_.text("measured", measured_text(condition, outcome));
        json_.flag("failed", outcome.failed);
      });
    }
  });
}

// CPUs used between the sample before interval `at` and the one after it.
std::optional<double> cores_in(const std::vector<ProcessSample>& samples, std::size_t at) {
  if (at + 1 >= samples.size() || samples[at + 1].at_ns <= samples[at].at_ns) return std::nullopt;
  const CpuUse use = cpu_between(samples[at].cpu, samples[at + 1].cpu);
  return static_cast<double>(use.run_ns) /
         static_cast<double>(samples[at + 1].at_ns - samples[at].at_ns);
}

void JsonReport::write_interval(std::size_t at) {
  const Interval& interval = measured_.tally.timeline[at];
  const CoarseHistogram& times = interval.times;
  const auto us = [&](std::uint64_t ns) {
    return times.count() == 0 ? std::nullopt : std::optional(to_us(ns));
  };
  const auto& samples = measured_.target_samples;
  json_.object("", [&] {
    // Where it ends; the last one may be shorter.
    json_.number("t_s",
                 std::min(static_cast<double>(at + 1) * measured_.interval_s, measured_.window_s));
    json_.count("answered", interval.answered);
    json_.count("delivered", interval.delivered);
    json_.count("errors", interval.errors);
    json_.number("p50_us", us(times.quantile_ns(0.5)));
    json_.number("p99_us", us(times.quantile_ns(0.99)));
    json_.number("max_us", us(times.max_ns()));
    json_.number("target_cpu", cores_in(samples, at), 4);
    json_.count("target_rss_bytes",
                at + 1 < samples.size() ? std::optional(samples[at + 1].rss_bytes) : std::nullopt);
    json_.number("own_cpu", cores_in(measured_.own_samples, at), 4);
  });
}

void JsonReport::write_timeline() {
  json_.array("timeline", [&] {
    for (std::size_t at = 0; at < measured_.tally.timeline.size(); ++at) {
      // Sized for the whole window, which may have been cut short.
      if (static_cast<double>(at) * measured_.interval_s >= measured_.window_s) break;
      write_interval(at);
    }
  });
}

std::string JsonReport::write() {
  json_.object("", [&] {
    write_setting();
    write_totals();
    write_times(measured_.times(options_));
    write_actions();
    write_errors();
    write_lag();
    write_connection_waits();
    if (measured_.target) {
      write_cpu("target_cpu", *measured_.target, measured_.target_samples);
    } else {
      json_.null("target_cpu");
    }
    write_cpu("own_cpu", measured_.own, measured_.own_samples);
    write_verdicts();
    write_timeline();
  });
  return json_.take() + "\n";
}

}  // namespace

std::string as_json(const Measurement& measured, const Options& options) {
  return JsonReport(measured, options).write();
}

}  // namespace ringgate::bench
