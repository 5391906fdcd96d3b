#include "control/observe/logging.h"

#include <fcntl.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>

#include "control/base/mutex.h"
#include "control/base/unique_fd.h"
#include "control/observe/line_writer.h"
#include "control/observe/log_event.h"
#include "control/observe/log_line.h"

namespace ringgate {
namespace {

constexpr std::chrono::milliseconds kPatience{1000};
constexpr const char* kPattern = "%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ [%n] %v";

std::string_view color_of(spdlog::level::level_enum level) {
  if (level >= spdlog::level::err) return "\033[31m";
  if (level == spdlog::level::warn) return "\033[33m";
  return "\033[32m";
}

class QueueSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  QueueSink(std::shared_ptr<LineWriter> writer, const std::atomic<LogFormat>& format, bool in_color)
      : writer_(std::move(writer)), format_(format), in_color_(in_color) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (format_.load(std::memory_order_relaxed) == LogFormat::kJson) {
      writer_->add(json_line(message, current_log_event(), LineWriter::kMaxLineBytes));
      return;
    }
    spdlog::memory_buf_t text;
    formatter_->format(message, text);
    const std::string_view line(text.data(), text.size());
    if (!in_color_ || message.color_range_end <= message.color_range_start) {
      writer_->add(line);
      return;
    }
    std::string colored(line.substr(0, message.color_range_start));
    colored.append(color_of(message.level));
    colored.append(line.substr(message.color_range_start,
                               message.color_range_end - message.color_range_start));
    colored.append("\033[0m").append(line.substr(message.color_range_end));
    writer_->add(colored);
  }
  void flush_() override {}

  std::shared_ptr<LineWriter> writer_;
  const std::atomic<LogFormat>& format_;
  bool in_color_;
};

// Never destroyed: other threads may speak until the process is gone.
struct Writers {
  Mutex mutex;
  std::shared_ptr<LineWriter> log ABSL_GUARDED_BY(mutex);
  std::shared_ptr<LineWriter> announcements ABSL_GUARDED_BY(mutex);
  std::string file ABSL_GUARDED_BY(mutex);  // of the log; empty: stderr
  int file_fd ABSL_GUARDED_BY(mutex) = -1;  // its descriptor, for as long as the process lives
  std::atomic<LogFormat> format = LogFormat::kText;
  std::atomic<std::uint64_t> unformatted = 0;  // lines that the library could not make
};
Writers& writers() {
  static auto* const all = new Writers;
  return *all;
}

std::uint64_t sum_of(std::uint64_t (LineWriter::*count)() const noexcept) {
  Writers& all = writers();
  const MutexLock lock(all.mutex);
  std::uint64_t sum = 0;
  for (const auto& writer : {all.log, all.announcements}) {
    if (writer != nullptr) sum += (writer.get()->*count)();
  }
  return sum;
}

// O_NONBLOCK is for what is no file of a disk: nobody waits for a pipe's reader.
Result<UniqueFd> open_log(const std::string& file) {
  constexpr mode_t kMode = 0640;
  UniqueFd fd(
      open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, kMode));
  if (!fd) return usage_error("cannot open {}: {}", file, std::strerror(errno));
  return fd;
}

}  // namespace

Result<void> start_logging(const std::string& name, const LogSettings& settings) {
  Writers& all = writers();
  const MutexLock lock(all.mutex);
  if (all.log == nullptr) {
    int fd = STDERR_FILENO;
    if (!settings.file.empty()) {
      Result<UniqueFd> opened = open_log(settings.file);
      if (!opened) return usage_error("LogFile: {}", opened.error().message);
      fd = all.file_fd = opened->release();
    }
    all.file = settings.file;
    all.log = std::make_shared<LineWriter>(fd);
  }
  all.format = settings.format;
  const bool in_color = all.file.empty() && isatty(STDERR_FILENO) != 0;
  auto logger = std::make_shared<spdlog::logger>(
      name, std::make_shared<QueueSink>(all.log, all.format, in_color));
  logger->set_pattern(kPattern);
  logger->set_level(library_level(settings.level));
  // The library's own handler writes to stderr, there and then.
  logger->set_error_handler([&all](const std::string&) { ++all.unformatted; });
  spdlog::set_default_logger(std::move(logger));
  return {};
}

// The number of the descriptor stays, and the writer's thread with it: what it is writing goes to
// the old file to its end.
void reopen_log() {
  Writers& all = writers();
  std::string file;
  std::string problem;
  {
    const MutexLock lock(all.mutex);
    file = all.file;
    if (file.empty()) return;
    Result<UniqueFd> opened = open_log(file);
    if (!opened) {
      problem = opened.error().message;
    } else if (dup3(opened->get(), all.file_fd, O_CLOEXEC) < 0) {
      problem = std::string("cannot use the new descriptor: ") + std::strerror(errno);
    }
  }
  if (problem.empty()) {
    log_event(LogEvent::kLogReopened, {{"file", file}}, "SIGHUP: the log goes on in " + file);
  } else {
    log_event(LogEvent::kLogNotReopened, {{"file", file}, {"why", problem}},
              "SIGHUP: LogFile: " + problem + "; the old file is written on");
  }
}

Result<void> check_log_file(const std::string& file) {
  if (file.empty() || access(file.c_str(), W_OK) == 0) return {};
  if (errno != ENOENT) return usage_error("LogFile: {}: {}", file, std::strerror(errno));
  const std::size_t slash = file.rfind('/');
  const std::string folder = slash == file.npos ? "." : file.substr(0, slash + 1);
  if (access(folder.c_str(), W_OK | X_OK) == 0) return {};
  return usage_error("LogFile: cannot make {}: {}", file, std::strerror(errno));
}

void set_log_format(LogFormat format) {
  writers().format = format;
}

void set_log_level(LogLevel level) {
  if (const auto logger = spdlog::default_logger()) logger->set_level(library_level(level));
}

void announce(std::string_view line) {
  Writers& all = writers();
  const MutexLock lock(all.mutex);
  if (all.announcements == nullptr) {
    all.announcements = std::make_shared<LineWriter>(STDOUT_FILENO);
  }
  all.announcements->add(std::string(line) + "\n");
}

void complain(std::string_view line) {
  LineWriter writer(STDERR_FILENO);
  writer.add(std::string(line) + "\n");
  writer.end(kPatience);
}

std::uint64_t log_lines_dropped() {
  return sum_of(&LineWriter::dropped);
}

std::uint64_t log_lines_lost() {
  return sum_of(&LineWriter::lost) + writers().unformatted.load(std::memory_order_relaxed);
}

void stop_logging(std::chrono::milliseconds patience) {
  Writers& all = writers();
  std::shared_ptr<LineWriter> log;
  std::shared_ptr<LineWriter> announcements;
  {
    const MutexLock lock(all.mutex);
    log = std::exchange(all.log, nullptr);
    announcements = std::exchange(all.announcements, nullptr);
  }
  const auto until = std::chrono::steady_clock::now() + patience;
  for (const auto& writer : {announcements, log}) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (writer != nullptr) writer->end(std::max(left, std::chrono::milliseconds(0)));
  }
}

}  // namespace ringgate
