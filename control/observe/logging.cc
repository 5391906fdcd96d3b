#include "control/observe/logging.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

#include "control/base/mutex.h"
#include "control/observe/line_writer.h"

namespace ringgate {
namespace {

constexpr std::chrono::milliseconds kPatience{1000};
constexpr const char* kPattern = "%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ [%n] %v";

spdlog::level::level_enum library_level(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace:
      return spdlog::level::trace;
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kCritical:
      return spdlog::level::critical;
    case LogLevel::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

std::string_view color_of(spdlog::level::level_enum level) {
  if (level >= spdlog::level::err) return "\033[31m";
  if (level == spdlog::level::warn) return "\033[33m";
  return "\033[32m";
}

class QueueSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit QueueSink(std::shared_ptr<LineWriter> writer)
      : writer_(std::move(writer)), in_color_(isatty(STDERR_FILENO) != 0) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
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
  bool in_color_;
};

// Never destroyed: other threads may speak until the process is gone.
struct Writers {
  Mutex mutex;
  std::shared_ptr<LineWriter> log ABSL_GUARDED_BY(mutex);
  std::shared_ptr<LineWriter> announcements ABSL_GUARDED_BY(mutex);
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

}  // namespace

void start_logging(const std::string& name, LogLevel level) {
  Writers& all = writers();
  const MutexLock lock(all.mutex);
  if (all.log == nullptr) all.log = std::make_shared<LineWriter>(STDERR_FILENO);
  auto logger = std::make_shared<spdlog::logger>(name, std::make_shared<QueueSink>(all.log));
  logger->set_pattern(kPattern);
  logger->set_level(library_level(level));
  // The library's own handler writes to stderr, there and then.
  logger->set_error_handler([&all](const std::string&) { ++all.unformatted; });
  spdlog::set_default_logger(std::move(logger));
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
