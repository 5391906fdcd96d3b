// What the process says: its log on stderr or in a file, through spdlog's default logger
// (spdlog::info and so on, or log_event() of control/observe/log_event.h; from any thread but a
// shard's data path), and announcements on stdout. Neither ever waits for whoever reads them: each
// has a bounded queue and a thread (control/observe/line_writer.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "control/base/error.h"
#include "control/observe/log_level.h"

namespace ringgate {

struct LogSettings {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  std::string file{};  // empty: stderr
};

// Once at start; name says who speaks, for example the service id. A second call replaces the
// logger, without losing lines, and leaves the file as it is. An error: the file cannot be opened.
[[nodiscard]] Result<void> start_logging(const std::string& name, const LogSettings& settings);

// The file is opened anew under its name, so that a renamed one can be put away. Where that fails
// the old one is written on, and the log says so. Nothing where the log goes to stderr.
void reopen_log();

// Whether a file of that name can be written or made. Makes none. The message names the key
// LogFile.
[[nodiscard]] Result<void> check_log_file(const std::string& file);

void set_log_format(LogFormat format);
void set_log_level(LogLevel level);

// A line (without its end) on stdout, for people and scripts: "listening tcp HOST:PORT".
void announce(std::string_view line);

// Lines since start that are missing, because the queue was full, or because they could not be
// written (nobody reads the pipe, the disk is full) or were left at the end.
std::uint64_t log_lines_dropped();
std::uint64_t log_lines_lost();

// Writes what is queued on either, for `patience` at most in all. Later lines of the log are lost;
// threads that still write them are safe.
void stop_logging(std::chrono::milliseconds patience = std::chrono::milliseconds(500));

// A line (without its end) on stderr, from a command that ends because of it. Waits a second at
// most for whoever reads it.
void complain(std::string_view line);

}  // namespace ringgate
