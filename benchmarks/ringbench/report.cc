#include "benchmarks/ringbench/report.h"

#include <fmt/format.h>

#include <numeric>

namespace ringgate::bench {
namespace {

constexpr double kSplitWindowS = 60;  // below, user and system times are the sampling tick's noise

double to_us(std::uint64_t ns) {
  return static_cast<double>(ns) / 1000;
}

std::string_view mode_name(const Options& options) {
  if (options.mode == Mode::kForward) return "forward";
  return options.raw ? "ping (without login)" : "ping";
}

// `status 300: 12`, `status 105: 1`
std::string status_list(const Measurement& measured, std::string_view quote) {
  std::string list;
  for (std::size_t status = 0; status < measured.statuses.size(); ++status) {
    if (measured.statuses[status] == 0) continue;
    list += fmt::format("{}{}{}{}: {}", list.empty() ? "" : ", ", quote, status, quote,
                        measured.statuses[status]);
  }
  return list;
}

std::string error_lines(const Measurement& measured) {
  if (measured.all_errors() == 0) return "  errors      none\n";
  std::string lines = fmt::format("  errors      {} (warm-up included)\n", measured.all_errors());
  for (std::size_t kind = 0; kind < kErrorKinds; ++kind) {
    if (measured.errors[kind] == 0) continue;
    const auto error = static_cast<ErrorKind>(kind);
    lines += fmt::format(
        "    {:<17} {}{}\n", name_of(error), measured.errors[kind],
        error == ErrorKind::kStatus ? fmt::format(" ({})", status_list(measured, "")) : "");
  }
  return lines;
}

std::string target_lines(const Measurement& measured, const Options& options) {
  if (!measured.target) return "  target      give --pid for its CPU time per message\n";
  const CpuUse& cpu = *measured.target;
  std::string lines = fmt::format(
      "  target      {:.3f} us of CPU per message (process {}, busiest thread {:.0f} % busy)\n",
      measured.per_message_us(static_cast<double>(cpu.run_ns)), options.pid,
      100 * measured.share_of_window(cpu.busiest_run_ns));
  if (measured.window_s >= kSplitWindowS) {
    lines += fmt::format("              user {:.3f} us, system {:.3f} us per message (sampled)\n",
                         measured.per_message_us(cpu.user_s * 1e9),
                         measured.per_message_us(cpu.system_s * 1e9));
  }
  if (cpu.wait_ns > cpu.run_ns / 10) {
    lines += fmt::format(
        "              it waited for a CPU {:.0f} % of the window: others ran there, too\n",
        100 * measured.share_of_window(cpu.wait_ns));
  }
  return lines;
}

std::string json_text(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20) {
      quoted += fmt::format("\\u{:04x}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string json_cpu(const Measurement& measured, const CpuUse& cpu) {
  return fmt::format(R"({{"cpu_ns": {}, "us_per_message": {:.4f}, "busiest_thread": {:.4f}, )"
                     R"("waited_ns": {}, "user_s": {:.2f}, "system_s": {:.2f}}})",
                     cpu.run_ns, measured.per_message_us(static_cast<double>(cpu.run_ns)),
                     measured.share_of_window(cpu.busiest_run_ns), cpu.wait_ns, cpu.user_s,
                     cpu.system_s);
}

std::string json_errors(const Measurement& measured) {
  std::string list;
  for (std::size_t kind = 0; kind < kErrorKinds; ++kind) {
    list +=
        fmt::format("\"{}\": {}, ", name_of(static_cast<ErrorKind>(kind)), measured.errors[kind]);
  }
  return fmt::format("{{{}\"by_status\": {{{}}}}}", list, status_list(measured, "\""));
}

}  // namespace

void Measurement::add(const WorkerReport& worker) {
  times.merge(worker.times);
  for (std::size_t kind = 0; kind < kErrorKinds; ++kind) errors[kind] += worker.errors[kind];
  for (std::size_t status = 0; status < statuses.size(); ++status) {
    statuses[status] += worker.statuses[status];
  }
}

std::uint64_t Measurement::all_errors() const {
  return std::accumulate(errors.begin(), errors.end(), std::uint64_t{0});
}

double Measurement::per_message_us(double cpu_ns) const {
  return answered == 0 ? 0 : cpu_ns / 1000 / static_cast<double>(answered);
}

double Measurement::share_of_window(std::uint64_t cpu_ns) const {
  return window_s > 0 ? static_cast<double>(cpu_ns) / (window_s * 1e9) : 0;
}

bool Measurement::generator_is_bottleneck() const {
  return target && share_of_window(own.busiest_run_ns) > 0.9 &&
         share_of_window(target->busiest_run_ns) < 0.8;
}

std::string as_text(const Measurement& measured, const Options& options) {
  const Histogram& times = measured.times;
  std::string text = fmt::format(
      "{} {}: {} connections, {} thread(s), {:.2f} s measured{}\n"
      "  closed loop, one message outstanding per connection: its times are not latency under "
      "load\n"
      "  answered    {} messages, {:.0f} per second\n"
      "  time        p50 {:.1f} us, p99 {:.1f} us, longest {:.1f} us\n",
      mode_name(options), options.target, options.connections, options.threads, measured.window_s,
      measured.stopped_early ? " (stopped early)" : "", measured.answered,
      measured.window_s > 0 ? static_cast<double>(measured.answered) / measured.window_s : 0,
      to_us(times.quantile_ns(0.5)), to_us(times.quantile_ns(0.99)), to_us(times.max_ns()));
  text += error_lines(measured);
  text += target_lines(measured, options);
  text += fmt::format("  ringbench   {:.3f} us of CPU per message, busiest thread {:.0f} % busy\n",
                      measured.per_message_us(static_cast<double>(measured.own.run_ns)),
                      100 * measured.share_of_window(measured.own.busiest_run_ns));
  if (measured.generator_is_bottleneck()) {
    text += "  the load generator, not the target, is the bottleneck: give it more --threads\n";
  }
  return text;
}

std::string as_json(const Measurement& measured, const Options& options) {
  const Histogram& times = measured.times;
  return fmt::format(
      R"({{"mode": "{}", "raw": {}, "target": {}, "connections": {}, "threads": {}, )"
      R"("body_bytes": {}, "closed_loop": true, "window_s": {:.6f}, "stopped_early": {},)"
      "\n "
      R"("answered": {}, "per_second": {:.1f}, "p50_us": {:.3f}, "p99_us": {:.3f}, )"
      R"("max_us": {:.3f},)"
      "\n "
      R"("errors": {},)"
      "\n "
      R"("target_cpu": {},)"
      "\n "
      R"("own_cpu": {}, "generator_is_bottleneck": {}}})"
      "\n",
      options.mode == Mode::kPing ? "ping" : "forward", options.raw, json_text(options.target),
      options.connections, options.threads, options.body_bytes, measured.window_s,
      measured.stopped_early, measured.answered,
      measured.window_s > 0 ? static_cast<double>(measured.answered) / measured.window_s : 0,
      to_us(times.quantile_ns(0.5)), to_us(times.quantile_ns(0.99)), to_us(times.max_ns()),
      json_errors(measured), measured.target ? json_cpu(measured, *measured.target) : "null",
      json_cpu(measured, measured.own), measured.generator_is_bottleneck());
}

}  // namespace ringgate::bench
