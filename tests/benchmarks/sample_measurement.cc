#include "sample_measurement.h"

#include <cmath>
#include <random>

#include "benchmarks/ringbench/run_state.h"

namespace ringgate::bench {
namespace {

constexpr std::size_t kIntervals = 10;
constexpr int kTimesPerInterval = 2000;

void set_options(Options& options) {
  options.scenario = Scenario::kTalk;
  options.target.text = "tcp://127.0.0.1:8001";
  options.connections = 12'345;
  options.threads = 2;
  options.rate = 2000;
  options.warmup_ms = 1500;
  options.body_bytes = 48;
  options.pid = 4242;
  for (const char* const text : {"p99>20ms", "errors>0", "connection_lost>10"}) {
    options.fail_if.push_back(parse_fail_if(text).value());
  }
}

void record_times(Tally& tally) {
  std::mt19937_64 random(11);
  std::lognormal_distribution<double> usual(12.2, 0.35);
  std::lognormal_distribution<double> slow(15.2, 0.5);
  std::uniform_real_distribution<double> chance;
  tally.timeline.resize(kIntervals);
  for (Interval& interval : tally.timeline) {
    for (int time = 0; time < kTimesPerInterval; ++time) {
      const auto ns =
          static_cast<std::uint64_t>(chance(random) < 0.005 ? slow(random) : usual(random));
      tally.of(Action::kTalk).times.answered.record(ns);
      tally.of(Action::kDelivery).times.answered.record(ns * 5 / 4);
      tally.lag.record(ns / 50);
      interval.times.record(ns);
      ++interval.answered;
      ++interval.delivered;
    }
  }
  tally.timeline[6].errors = 9;
  tally.timeline[7].errors = 2;
}

void set_counts(Tally& tally) {
  constexpr std::uint64_t kAnswered = kIntervals * kTimesPerInterval;
  ActionTally& talk = tally.of(Action::kTalk);
  talk.due = kAnswered + 11;
  talk.answered = kAnswered;
  talk.late = 5;
  talk.failed = 11;
  talk.in_window = kAnswered - 10;
  ActionTally& delivery = tally.of(Action::kDelivery);
  delivery.due = kAnswered + 3;
  delivery.answered = kAnswered;
  delivery.late = 7;
  delivery.failed = 3;
  delivery.in_window = kAnswered - 20;
  for (std::size_t kind = 0; kind < kErrorKinds; ++kind) tally.errors[kind] = kind;
  for (const ErrorKind none :
       {ErrorKind::kNotDelivered, ErrorKind::kMisdelivered, ErrorKind::kNotClosed,
        ErrorKind::kUnaskedPong, ErrorKind::kWrongBody}) {
    tally.errors[static_cast<std::size_t>(none)] = 0;
  }
  tally.errors[static_cast<std::size_t>(ErrorKind::kNotSent)] = 1;
  tally.errors[static_cast<std::size_t>(ErrorKind::kStatus)] = 12;
  tally.statuses[300] = 9;
  tally.statuses[404] = 3;
  tally.connects = 12'346;
  tally.logins = 12'347;
  tally.retries = 2;
  tally.lost_packets = 4;
}

std::vector<ProcessSample> make_samples(double cores, std::uint64_t rss_bytes) {
  std::vector<ProcessSample> samples;
  const auto share = [](double part) { return static_cast<std::uint64_t>(part * kSecondNs); };
  for (std::size_t at = 0; at <= kIntervals; ++at) {
    const double wave = 1 + 0.1 * std::sin(static_cast<double>(at));
    const double run_s = cores * static_cast<double>(at) * wave;
    ProcessSample sample;
    sample.at_ns = 50 * kSecondNs + at * kSecondNs;
    sample.cpu.threads = {{1, {share(0.6 * run_s), share(0.01 * run_s)}},
                          {2, {share(0.4 * run_s), share(0.02 * run_s)}}};
    sample.cpu.user_ticks = static_cast<std::uint64_t>(40 * run_s);
    sample.cpu.system_ticks = static_cast<std::uint64_t>(60 * run_s);
    sample.rss_bytes = rss_bytes + at * 300'000 + (at == 5 ? 9'000'000 : 0);
    sample.voluntary_switches = 100 + 1000 * at;
    sample.involuntary_switches = 10 + 30 * at;
    samples.push_back(std::move(sample));
  }
  return samples;
}

}  // namespace

ProcessUse& Sample::target() {
  if (!measured.target) measured.target.emplace();
  return *measured.target;
}

std::unique_ptr<Sample> make_sample() {
  auto sample = std::make_unique<Sample>();
  set_options(sample->options);
  Measurement& measured = sample->measured;
  measured.set_up_s = 2.5;
  measured.window_s = 10;
  measured.sampled_s = 10;
  record_times(measured.tally);
  set_counts(measured.tally);
  measured.messages = 20'020;
  measured.target_samples = make_samples(0.75, 120'000'000);
  measured.own_samples = make_samples(0.5, 30'000'000);
  measured.target = use_between(measured.target_samples.front(), measured.target_samples.back());
  measured.own = use_between(measured.own_samples.front(), measured.own_samples.back());
  return sample;
}

}  // namespace ringgate::bench
