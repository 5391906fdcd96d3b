#include "services/process/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/proto_log.h"
#include "control/base/text_file.h"
#include "control/observe/logging.h"
#include "services/flags/version.h"
#include "services/process/ring.h"

namespace ringgate {
namespace {

// proc(5): /proc/self/stat from its third field on; those before it may have spaces in them.
class Stat {
 public:
  static std::optional<Stat> read() {
    Result<std::string> text = read_text_file("/proc/self/stat", kMaxBytes);
    if (!text) return std::nullopt;
    const std::size_t end_of_name = text->rfind(')');
    if (end_of_name == std::string::npos) return std::nullopt;
    Stat stat;
    std::string_view rest = std::string_view(*text).substr(end_of_name + 1);
    while (!rest.empty()) {
      const std::size_t begin = rest.find_first_not_of(" \n");
      if (begin == std::string_view::npos) break;
      rest.remove_prefix(begin);
      const std::size_t end = std::min(rest.find_first_of(" \n"), rest.size());
      stat.fields_.emplace_back(rest.substr(0, end));
      rest.remove_prefix(end);
    }
    if (stat.fields_.size() <= kResident - kFirst) return std::nullopt;
    return stat;
  }
  // By their numbers in the manual.
  static constexpr std::size_t kUserTime = 14;
  static constexpr std::size_t kSystemTime = 15;
  static constexpr std::size_t kThreads = 20;
  static constexpr std::size_t kStartTime = 22;
  static constexpr std::size_t kVirtual = 23;
  static constexpr std::size_t kResident = 24;

  [[nodiscard]] double field(std::size_t number) const {
    const std::string& text = fields_[number - kFirst];
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }

 private:
  static constexpr std::size_t kFirst = 3;
  static constexpr std::size_t kMaxBytes = 4096;
  std::vector<std::string> fields_;
};

// Direct descriptors of rings are not among them.
std::optional<double> open_files() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/fd"), closedir);
  if (folder == nullptr) return std::nullopt;
  double count = 0;
  while (const dirent* const entry = readdir(folder.get())) {
    if (entry->d_name[0] != '.') ++count;
  }
  return count - 1;  // the folder's own
}

// Unix time at which the machine was started: btime of /proc/stat would be in whole seconds.
double boot_time_s() {
  timespec now{};
  timespec up{};
  clock_gettime(CLOCK_REALTIME, &now);
  clock_gettime(CLOCK_BOOTTIME, &up);
  const auto seconds = [](const timespec& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  };
  return seconds(now) - seconds(up);
}

void collect_stat(const Stat& stat, MetricsSnapshot& metrics) {
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  metrics.counter("process_cpu_seconds_total", "user and system CPU time", {},
                  (stat.field(Stat::kUserTime) + stat.field(Stat::kSystemTime)) / ticks);
  metrics.gauge("process_threads", "threads", {}, stat.field(Stat::kThreads));
  // Of one start the same at every scrape.
  static const double boot_s = boot_time_s();
  metrics.gauge("process_start_time_seconds", "Unix time of the start", {},
                boot_s + stat.field(Stat::kStartTime) / ticks);
  metrics.gauge("process_virtual_memory_bytes", "address space", {}, stat.field(Stat::kVirtual));
  metrics.gauge("process_resident_memory_bytes", "memory that is in use", {},
                stat.field(Stat::kResident) * page);
}

void collect_limits(MetricsSnapshot& metrics) {
  if (const std::optional<double> open = open_files()) {
    metrics.gauge("process_open_fds", "open file descriptors; clients of a gateway are none", {},
                  *open);
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    metrics.gauge("process_max_fds", "file descriptors that there may be", {},
                  static_cast<double>(limit.rlim_cur));
  }
}

void collect_log(MetricsSnapshot& metrics) {
  metrics.counter("ringgate_log_lines_dropped_total", "log lines lost because the queue was full",
                  {}, static_cast<double>(log_lines_dropped()));
  metrics.counter("ringgate_log_lines_lost_total",
                  "lines of the log, and for stdout, that could not be written", {},
                  static_cast<double>(log_lines_lost()));
  metrics.counter("ringgate_protobuf_complaints_total",
                  "what libprotobuf wanted to log, most often text of a peer that is not UTF-8", {},
                  static_cast<double>(protobuf_complaints()));
}

}  // namespace

void ReloadCounts::note(bool good) noexcept {
  ++(good ? good_ : bad_);
  last_was_good_ = good;
  if (good) last_good_s_ = static_cast<std::int64_t>(std::time(nullptr));
}

void ReloadCounts::collect(MetricsSnapshot& metrics) const {
  constexpr const char* kHelp = "reloads of the configuration, by what became of them";
  metrics.counter("ringgate_reloads_total", kHelp, {{"result", "good"}},
                  static_cast<double>(good_.load()));
  metrics.counter("ringgate_reloads_total", kHelp, {{"result", "refused"}},
                  static_cast<double>(bad_.load()));
  metrics.gauge("ringgate_last_reload_successful",
                "1: the configuration file is in use as it was read last; 0: it was refused", {},
                last_was_good_.load() ? 1 : 0);
  metrics.gauge("ringgate_last_reload_success_timestamp_seconds",
                "Unix time of the last reload that was good; 0: there was none", {},
                static_cast<double>(last_good_s_.load()));
}

void collect_process(MetricsSnapshot& metrics) {
  collect_ring(metrics);
  metrics.gauge("ringgate_build_info",
                "1, with the version as a label, and the commit if it is known",
                {{"version", std::string(version())}, {"commit", std::string(build_commit())}}, 1);
  if (const std::optional<Stat> stat = Stat::read()) collect_stat(*stat, metrics);
  collect_limits(metrics);
  collect_log(metrics);
}

}  // namespace ringgate
