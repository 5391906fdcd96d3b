#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "benchmarks/ringbench/measurement.h"
#include "benchmarks/ringbench/quantiles.h"
#include "benchmarks/ringbench/report_format.h"

namespace ringgate::bench {
namespace {

// Below, user and system times are mostly the noise of the tick that samples them.
constexpr double kSplitWindowS = 60;

// A line of the report: what it is about, and what is said of it.
std::string line(std::string_view about, std::string_view said) {
  return fmt::format("  {:<10} {}\n", about, said);
}

std::string loop_line(const Options& options) {
  if (!options.open_loop()) {
    return line("", fmt::format("closed loop, {} in flight per connection: its times are not "
                                "latency under load",
                                options.in_flight));
  }
  const std::string pace =
      options.rate ? fmt::format("{} per second", rate_text(*options.rate))
                   : fmt::format("a heartbeat every {} s",
                                 number_text(static_cast<double>(options.heartbeat_ms) / 1000));
  return line("", fmt::format("open loop, {}: times count from the intended send time", pace));
}

// Where the service of our own ran is a part of what the times hold.
std::string service_line(const Measurement& measured, const Options& options) {
  if (!options.service.play) return "";
  return line("service",
              fmt::format("played by ringbench on {}; a gateway had dialled it after {:.2f} s",
                          options.service.own_thread ? "a thread of its own"
                                                     : "the first thread, between its messages",
                          measured.service_wait_s));
}

std::string head_lines(const Measurement& measured, const Options& options) {
  std::string text = fmt::format("{}{} {}: {} connections, {} thread{}\n",
                                 name_of(options.scenario), options.raw ? " (without login)" : "",
                                 options.target.text, count_text(options.connections),
                                 options.threads, options.threads == 1 ? "" : "s");
  text += loop_line(options);
  text += line("", fmt::format("{:.2f} s measured after {:.1f} s of warm-up{}", measured.window_s,
                               static_cast<double>(options.warmup_ms) / 1000,
                               measured.stopped_early ? ", stopped early" : ""));
  const auto logins = measured.set_up_logins_per_second(options);
  text +=
      line("set-up",
           fmt::format("{:.2f} s{}{}", measured.set_up_s,
                       logins ? fmt::format(", {} logins per second", rate_text(*logins)) : "",
                       measured.tally.retries == 0
                           ? ""
                           : fmt::format(", {} tried again", count_text(measured.tally.retries))));
  if (measured.tally.came_again > 0) {
    text += line("came again", fmt::format("{} connections, as the target asked when it went away",
                                           count_text(measured.tally.came_again)));
  }
  return text + service_line(measured, options);
}

using Cells = std::vector<std::string>;

Cells action_cells(const Measurement& measured, Action action) {
  const ActionTally& counted = measured.tally.of(action);
  Cells cells = {std::string(name_of(action)), rate_text(measured.per_second(counted.in_window)),
                 count_text(counted.due),      count_text(counted.sent()),
                 count_text(counted.answered), count_text(counted.late),
                 count_text(counted.failed),   told_text(counted.times.mean())};
  for (const Quantile& quantile : kQuantiles) {
    cells.push_back(told_text(counted.times.quantile(quantile.fraction)));
  }
  cells.push_back(told_text(counted.times.max()));
  return cells;
}

// On a terminal: a character of several bytes takes one.
std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

// The first column to the left, the numbers to the right.
std::string aligned(const std::vector<Cells>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Cells& row : rows) {
    for (std::size_t at = 0; at < row.size(); ++at) {
      widths[at] = std::max(widths[at], columns(row[at]));
    }
  }
  std::string text;
  for (const Cells& row : rows) {
    text += fmt::format("  {:<{}}", row[0], std::max<std::size_t>(widths[0], 10));
    for (std::size_t at = 1; at < row.size(); ++at) {
      text.append(widths[at] - columns(row[at]) + (at == 1 ? 1 : 2), ' ');
      text += row[at];
    }
    text += '\n';
  }
  return text;
}

// Those who have no answer are in the times, too: as the longest.
std::string population_line(const Measurement& measured, const Options& options) {
  const std::uint64_t unanswered = measured.times(options).unanswered.count();
  if (unanswered == 0) return "";
  return fmt::format(
      "  {} without an answer had waited at least so long (≥) when the run ended: they count as "
      "the longest\n",
      count_text(unanswered));
}

std::string action_lines(const Measurement& measured, const Options& options) {
  Cells head = {"", "per second", "due", "sent", "answered", "late", "failed", "mean"};
  for (const Quantile& quantile : kQuantiles) head.emplace_back(quantile.name);
  head.emplace_back("longest");
  std::vector<Cells> rows = {head};
  for (const Action action : measured.used_actions(options)) {
    rows.push_back(action_cells(measured, action));
  }
  return "\n  of what was due in the window; per second: what was answered in it, whenever it was "
         "due\n" +
         aligned(rows) + population_line(measured, options) + "\n";
}

std::string handshake_line(const Measurement& measured) {
  const Histogram& times = measured.tally.handshakes;
  if (times.count() == 0) return "";
  const double share =
      static_cast<double>(measured.tally.resumed) / static_cast<double>(times.count());
  return line("handshakes",
              fmt::format("{} of TLS, set-up included: p50 {}, p99 {}; {} resumed",
                          count_text(times.count()), time_text(to_us(times.quantile_ns(0.5))),
                          time_text(to_us(times.quantile_ns(0.99))), percent_text(share)));
}

std::string lag_line(const Measurement& measured, const Options& options) {
  const Histogram& lag = measured.tally.lag;
  if (!options.open_loop() || lag.count() == 0) return "";
  return line("schedule",
              fmt::format("messages left p50 {}, p99 {}, at worst {} after their time",
                          time_text(to_us(lag.quantile_ns(0.5))),
                          time_text(to_us(lag.quantile_ns(0.99))), time_text(to_us(lag.max_ns()))));
}

std::string connection_wait_line(const Measurement& measured) {
  const Histogram& waits = measured.tally.connection_waits;
  if (waits.count() == 0) return "";
  return line(
      "waited",
      fmt::format("{} of {} logins for a connection that was free: p50 {}, p99 {}, "
                  "at worst {}, which their times hold",
                  count_text(waits.count()), count_text(measured.tally.of(Action::kLogin).due),
                  time_text(to_us(waits.quantile_ns(0.5))),
                  time_text(to_us(waits.quantile_ns(0.99))), time_text(to_us(waits.max_ns()))));
}

// ` (status 300: 12, 404: 1)`
std::string status_list(const Tally& tally) {
  std::string list;
  for (std::size_t status = 0; status < Tally::kStatuses; ++status) {
    if (tally.statuses[status] == 0) continue;
    list += fmt::format("{}{}: {}", list.empty() ? " (" : ", ", status,
                        count_text(tally.statuses[status]));
  }
  return list.empty() ? list : list + ")";
}

std::string error_lines(const Measurement& measured) {
  const Tally& tally = measured.tally;
  const std::uint64_t errors = tally.all_errors();
  std::string text =
      line("errors", errors == 0 ? "none" : count_text(errors) + ", warm-up and drain included");
  for (std::size_t kind = 0; kind < kErrorKinds; ++kind) {
    if (tally.errors[kind] == 0) continue;
    const auto error = static_cast<ErrorKind>(kind);
    text += line("", fmt::format("{:<15} {}{}", name_of(error), count_text(tally.errors[kind]),
                                 error == ErrorKind::kStatus ? status_list(tally) : ""));
  }
  if (!tally.first_login_failure.empty()) {
    text += line("", fmt::format("the first login that failed: {}", tally.first_login_failure));
  }
  if (!tally.first_loss.empty()) {
    text += line("", fmt::format("the first connection was lost by: {}", tally.first_loss));
  }
  return text;
}

std::string per_message(const Measurement& measured, double cpu_ns) {
  const auto us = measured.per_message_us(cpu_ns);
  return us ? fmt::format("{:.3f} us", *us) : "nothing";
}

std::string cpu_line(std::string_view about, const Measurement& measured, const CpuUse& cpu) {
  return line(about,
              fmt::format("{} of CPU per message, {:.2f} CPUs in all; busiest thread {} busy, "
                          "waited {:.2f} s",
                          per_message(measured, static_cast<double>(cpu.run_ns)),
                          measured.share_of_window(cpu.run_ns),
                          percent_text(measured.share_of_window(cpu.busiest_run_ns)),
                          static_cast<double>(cpu.wait_ns) / 1e9));
}

std::string split_line(const Measurement& measured, const CpuUse& cpu) {
  return line(
      "", fmt::format(
              "user {}, system {} per message{}", per_message(measured, cpu.user_s * 1e9),
              per_message(measured, cpu.system_s * 1e9),
              measured.window_s < kSplitWindowS ? " (sampled by a tick: rough below 60 s)" : ""));
}

std::string memory_line(const ProcessUse& use, const std::vector<ProcessSample>& samples) {
  return line("", fmt::format("RSS {}, at the end {}, at most {}", bytes_text(use.rss_begin_bytes),
                              bytes_text(use.rss_end_bytes),
                              bytes_text(Measurement::rss_peak_bytes(use, samples))));
}

std::string switch_line(const Measurement& measured, const ProcessUse& use) {
  const auto switches = static_cast<double>(use.voluntary_switches + use.involuntary_switches);
  return line("",
              fmt::format("{} voluntary and {} involuntary context switches{}",
                          count_text(use.voluntary_switches), count_text(use.involuntary_switches),
                          measured.messages == 0
                              ? ""
                              : fmt::format(", {:.3f} per message",
                                            switches / static_cast<double>(measured.messages))));
}

std::string process_lines(const Measurement& measured, const Options& options) {
  std::string text;
  if (measured.target) {
    text += cpu_line("target", measured, measured.target->cpu);
    text += split_line(measured, measured.target->cpu);
    text += memory_line(*measured.target, measured.target_samples);
    text += switch_line(measured, *measured.target);
  } else {
    text += line("target", options.pid == 0 ? "give --pid for its CPU time per message and memory"
                                            : "its process could not be read until the end");
  }
  return text + cpu_line("ringbench", measured, measured.own.cpu);
}

std::string verdict_lines(const Measurement& measured, const Options& options) {
  std::string text;
  for (const std::string& sentence : measured.warnings(options)) text += line("warning", sentence);
  std::size_t width = 0;
  for (const FailIf& condition : options.fail_if) width = std::max(width, condition.text.size());
  for (const FailIf& condition : options.fail_if) {
    const FailIfOutcome outcome = evaluate(condition, measured, options);
    text += line("fail-if", fmt::format("{:<{}}  {}  {}", condition.text, width,
                                        outcome.failed ? "FAILED" : "ok    ",
                                        measured_text(condition, outcome)));
  }
  return text;
}

}  // namespace

std::string as_text(const Measurement& measured, const Options& options) {
  return head_lines(measured, options) + action_lines(measured, options) +
         handshake_line(measured) + lag_line(measured, options) + connection_wait_line(measured) +
         error_lines(measured) + process_lines(measured, options) +
         verdict_lines(measured, options);
}

}  // namespace ringgate::bench
