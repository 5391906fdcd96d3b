// The log of the process: asynchronous, to stderr, through spdlog's default logger (spdlog::info
// and so on, from any thread but a shard's data path). Its queue is bounded; when it is full the
// oldest lines are dropped, so that nobody ever waits for a terminal.
#pragma once

#include <cstddef>
#include <string>

#include "control/log_level.h"

namespace ringgate {

inline constexpr std::size_t kLogQueueLines = 8192;

// Once at start; name says who speaks, for example the service id. A second call replaces the
// logger, without losing lines.
void start_logging(const std::string& name, LogLevel level);

void set_log_level(LogLevel level);

// Lines dropped since start because the queue was full.
std::size_t log_lines_dropped();

// Writes what is queued and ends the log's thread. Later lines are lost.
void stop_logging();

}  // namespace ringgate
