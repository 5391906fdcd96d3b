#include "services/top/render.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <vector>

#include "services/top/width.h"

namespace ringgate::top {
namespace {

constexpr std::array<std::string_view, 8> kBars = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::string_view kRed = "\033[31m";
constexpr std::string_view kGreen = "\033[32m";
constexpr std::string_view kYellow = "\033[33m";
constexpr std::string_view kDim = "\033[2m";
constexpr std::string_view kBold = "\033[1m";
constexpr std::string_view kPlain = "\033[0m";
constexpr std::size_t kMostCloses = 6;
constexpr std::size_t kMostClients = 8;

// Lines of a screen. Codes of colors take no place on it.
class Lines {
 public:
  explicit Lines(const Screen& screen) : screen_(screen) {}

  // Goes on with the line; what does not fit is cut.
  Lines& put(std::string_view text, std::string_view color = {}) {
    if (is_full()) return *this;
    const std::string_view part = cut(text);
    if (screen_.in_color && !color.empty() && !part.empty()) {
      text_.append(color).append(part).append(kPlain);
    } else {
      text_.append(part);
    }
    return *this;
  }
  void end() {
    if (is_full()) return;
    ++lines_;
    used_ = 0;
    text_ += '\n';
  }
  [[nodiscard]] bool is_full() const { return screen_.rows != 0 && lines_ == screen_.rows; }
  [[nodiscard]] std::size_t left() const { return screen_.columns - used_; }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  // Where something is cut the line is at its end: nothing narrower comes behind.
  std::string_view cut(std::string_view text) {
    const std::string_view part = cut_to(text, left());
    used_ = part.size() < text.size() ? screen_.columns : used_ + columns_of(part);
    return part;
  }

  const Screen& screen_;
  std::string text_;
  std::size_t lines_ = 0;
  std::size_t used_ = 0;
};

std::string clock_text(std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1000;
  std::tm parts{};
  localtime_r(&seconds, &parts);
  return fmt::format("{:02}:{:02}:{:02}", parts.tm_hour, parts.tm_min, parts.tm_sec);
}

void put_head(const StatusView& view, Lines& lines) {
  lines.put(fmt::format("ringgate {}", view.service_id), kBold);
  lines.put(fmt::format(" ({}) {}  ", view.service_name, view.version));
  const bool is_ready = view.problems.empty();
  lines.put(is_ready ? "ready" : "NOT READY", is_ready ? kGreen : kRed);
  lines.put(fmt::format("  up {}  {} {}  room for {}  {}", short_time(view.uptime_s), view.shards,
                        view.shards == 1 ? "shard" : "shards",
                        short_number(static_cast<double>(view.room)),
                        clock_text(view.now_unix_ms)));
  lines.end();
  for (const std::string& problem : view.problems) {
    lines.put("  " + problem, kRed).end();
  }
  lines.end();
}

struct Plot {
  std::string_view title;
  std::string_view first_name;
  double StatusSample::* first;
  std::string_view second_name;
  double StatusSample::* second;  // null: there is none
  std::string (*show)(double);
  bool is_bad = false;  // anything above nothing is
};

void put_plot(const StatusView& view, const Plot& plot, Lines& lines) {
  constexpr std::size_t kText = 46;
  const StatusSample now = view.samples.empty() ? StatusSample() : view.samples.back();
  std::string text = fmt::format("{:<13}", plot.title);
  std::string numbers = fmt::format("{} {}", plot.first_name, plot.show(now.*plot.first));
  if (plot.second != nullptr) {
    numbers = fmt::format("{:<16}{} {}", numbers, plot.second_name, plot.show(now.*plot.second));
  }
  lines.put(text, kDim);
  lines.put(fmt::format("{:<{}}", numbers, kText - text.size()),
            plot.is_bad && now.*plot.first > 0 ? kRed : std::string_view());
  lines.put(sparkline(view, plot.first, lines.left()), plot.is_bad ? kRed : kGreen).end();
}

void put_plots(const StatusView& view, Lines& lines) {
  const Plot plots[] = {
      {"connections", "open", &StatusSample::clients, "logged in", &StatusSample::channels,
       short_number},
      {"logins/s", "good", &StatusSample::logins, "bad", &StatusSample::logins_bad, short_number},
      {"packets/s", "in", &StatusSample::in, "out", &StatusSample::out, short_number},
      {"bytes/s", "in", &StatusSample::bytes_in, "out", &StatusSample::bytes_out, short_bytes},
      {"errors/s", "300", &StatusSample::errors, "", nullptr, short_number, true},
  };
  for (const Plot& plot : plots) put_plot(view, plot, lines);
  lines.end();
}

std::string answer_text(const std::optional<double>& ms) {
  if (!ms) return "-";
  return *ms < 10 ? fmt::format("{:.2f} ms", *ms) : fmt::format("{:.0f} ms", *ms);
}

void put_instance(const InstanceRow& row, Lines& lines) {
  const bool is_down = row.links_up == 0;
  std::string_view state = row.state;
  if (is_down) {
    state = "down";
  } else if (row.ejected > 0) {
    state = "mute";
  }
  lines.put(cell(row.service, 10) + " " + cell(row.id, 16) + " ");
  lines.put(fmt::format("{:<9}", state), is_down || row.ejected > 0 ? kRed
                                         : row.state == "adult"     ? kGreen
                                                                    : kYellow);
  lines.put(fmt::format("{:>5} {:>7} {:>9} ", fmt::format("{}/{}", row.links_up, row.links),
                        short_number(row.forwards), answer_text(row.answer_ms)));
  lines.put(fmt::format("{:>7}", short_number(row.failures)),
            row.failures > 0 ? kRed : std::string_view());
  lines.put(fmt::format(" {:>9} {:>9}  ", row.outstanding,
                        short_bytes(static_cast<double>(row.queued_bytes))));
  lines.put(row.last_error, kRed).end();
}

void put_instances(const StatusView& view, Lines& lines) {
  lines
      .put(fmt::format("{:<10} {:<16} {:<9}{:>5} {:>7} {:>9} {:>7} {:>9} {:>9}  {}", "service",
                       "instance", "state", "links", "req/s", "answer", "fail/s", "under way",
                       "queued", "last error"),
           kDim)
      .end();
  for (const InstanceRow& row : view.instances) {
    put_instance(row, lines);
  }
  if (view.instances.empty()) lines.put("no service is known", kDim).end();
  lines.end();
}

void put_clients(const StatusView& view, Lines& lines) {
  if (view.clients.empty()) return;
  lines
      .put(fmt::format("{:<24} {:<10} {:<24} {:>9} {:>18} {:>10}", "clients with most queued",
                       "app", "address", "queued", "takes nothing for", "under way"),
           kDim)
      .end();
  std::size_t shown = 0;
  for (const ClientRow& row : view.clients) {
    if (shown++ == kMostClients) break;
    lines
        .put(fmt::format("{} {} {} {:>9} {:>18} {:>10}",
                         cell(row.account.empty() ? "not logged in" : row.account, 24),
                         cell(row.app, 10), cell(row.address, 24),
                         short_bytes(static_cast<double>(row.queued_bytes)),
                         row.sending_ms < 1000 ? fmt::format("{} ms", row.sending_ms)
                                               : short_time(row.sending_ms / 1000),
                         row.outstanding))
        .end();
  }
  lines.end();
}

void put_closes(const StatusView& view, Lines& lines) {
  lines
      .put(fmt::format("{:<26}{:>12}{:>12}", "why connections ended", "last minute",
                       "last " + short_time(view.history_s)),
           kDim)
      .end();
  std::size_t shown = 0;
  for (const CloseRow& row : view.closes) {
    if (shown++ == kMostCloses) return;
    lines.put(fmt::format("{}{:>12}{:>12}", cell(row.reason, 26), row.last_minute, row.all)).end();
  }
}

}  // namespace

std::string short_number(double value) {
  constexpr std::array<std::string_view, 4> kNames = {"", "k", "M", "G"};
  std::size_t step = 0;
  while (value >= 1000 && step + 1 < kNames.size()) {
    value /= 1000;
    ++step;
  }
  const bool is_whole = value >= 10 || (step == 0 && value == std::floor(value));
  return fmt::format("{:.{}f}{}", value, is_whole ? 0 : 1, kNames[step]);
}

std::string short_bytes(double value) {
  constexpr std::array<std::string_view, 4> kNames = {" B", " KiB", " MiB", " GiB"};
  std::size_t step = 0;
  while (value >= 1024 && step + 1 < kNames.size()) {
    value /= 1024;
    ++step;
  }
  return fmt::format("{:.{}f}{}", value, step == 0 || value >= 10 ? 0 : 1, kNames[step]);
}

std::string short_time(std::uint64_t seconds) {
  constexpr std::uint64_t kMinute = 60;
  constexpr std::uint64_t kHour = 60 * kMinute;
  constexpr std::uint64_t kDay = 24 * kHour;
  if (seconds < 2 * kMinute) return fmt::format("{} s", seconds);
  if (seconds < 2 * kHour) return fmt::format("{} min", seconds / kMinute);
  if (seconds < 2 * kDay) return fmt::format("{} h", seconds / kHour);
  return fmt::format("{} days", seconds / kDay);
}

// A bar stands for a second where there is room, else for the highest of several.
std::string sparkline(const StatusView& view, double StatusSample::* field, std::size_t width) {
  const std::size_t count = view.samples.size();
  if (count == 0 || width == 0) return {};
  const std::size_t bars = std::min(width, count);
  std::vector<double> heights(bars);
  for (std::size_t i = 0; i < count; ++i) {
    double& height = heights[i * bars / count];
    height = std::max(height, view.samples[i].*field);
  }
  const double top = std::max(*std::ranges::max_element(heights), 1.0);
  std::string line;
  for (const double height : heights) {
    const auto level =
        static_cast<std::size_t>(std::lround(height / top * double{kBars.size() - 1}));
    line += kBars[std::min(level, kBars.size() - 1)];
  }
  return line;
}

std::string render(const StatusView& view, const Screen& screen) {
  Lines lines(screen);
  put_head(view, lines);
  put_plots(view, lines);
  put_instances(view, lines);
  put_clients(view, lines);
  put_closes(view, lines);
  return lines.take();
}

}  // namespace ringgate::top
