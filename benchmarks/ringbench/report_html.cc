#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

#include "benchmarks/ringbench/measurement.h"
#include "benchmarks/ringbench/report_format.h"
#include "benchmarks/ringbench/report_page.h"
#include "control/base/json_writer.h"

namespace ringgate::bench {
namespace {

constexpr double kNinesStep = 0.05;

// Replaces `name`, which is in the page once.
void fill_in(std::string& page, std::string_view name, std::string_view text) {
  const std::size_t at = page.find(name);
  if (at != std::string::npos) page.replace(at, name.size(), text);
}

// In a <script> of data nothing may end it early: "</script", "<!--".
std::string without_tags(std::string_view json) {
  std::string safe;
  safe.reserve(json.size());
  for (const char c : json) {
    if (c == '<') {
      safe += "\\u003c";
    } else {
      safe.push_back(c);
    }
  }
  return safe;
}

std::string escape_html(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '&':
        safe += "&amp;";
        break;
      default:
        safe.push_back(c);
    }
  }
  return safe;
}

// The time over the number of nines: 1 is 90 %, 2 is 99 %. It ends where one message is left, or
// where those without an answer begin.
void write_curve(JsonWriter& json, const Times& times) {
  const auto point = [&](double nines, double us) {
    json.array("", [&] {
      json.number("", nines);
      json.number("", us, 2);
    });
  };
  json.array("points", [&] {
    if (times.answered.count() == 0) return;
    const std::uint64_t left = std::max<std::uint64_t>(times.unanswered.count(), 1);
    const double last =
        std::log10(static_cast<double>(times.count())) - std::log10(static_cast<double>(left));
    for (int step = 0; kNinesStep * step < last; ++step) {
      const double nines = kNinesStep * step;
      const auto time = times.quantile(1 - std::pow(10, -nines));
      if (!time || time->at_least) break;
      point(nines, time->us);
    }
    point(last, to_us(times.answered.max_ns()));
  });
}

std::string curves_json(const Measurement& measured, const Options& options) {
  JsonWriter json(2);
  json.array("", [&] {
    for (const Action action : measured.used_actions(options)) {
      json.object("", [&] {
        json.text("name", name_of(action));
        write_curve(json, measured.tally.of(action).times);
      });
    }
  });
  return json.take();
}

}  // namespace

std::string as_html(const Measurement& measured, const Options& options) {
  std::string page(report_page_html());
  // The last first: what is filled in may contain a later name.
  fill_in(page, "RINGBENCH_CURVES", without_tags(curves_json(measured, options)));
  fill_in(page, "RINGBENCH_REPORT", without_tags(as_json(measured, options)));
  fill_in(page, "RINGBENCH_TEXT", escape_html(as_text(measured, options)));
  fill_in(
      page, "RINGBENCH_TITLE",
      escape_html(fmt::format("ringbench {} {}", name_of(options.scenario), options.target.text)));
  return page;
}

}  // namespace ringgate::bench
