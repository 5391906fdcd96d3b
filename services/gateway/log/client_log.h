// What shards tell of their clients, as lines of the log. The control thread; the counts are for
// any.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "codec/bytes.h"
#include "control/observe/log_limits.h"
#include "control/observe/metrics.h"
#include "services/gateway/log/told_mail.h"

namespace ringgate {

class ClientLog {
 public:
  using Time = LogLimits::Time;
  // The id of an instance; empty: it is gone.
  using InstanceName = std::function<std::string(std::uint32_t upstream)>;

  explicit ClientLog(InstanceName instance_name) : instance_name_(std::move(instance_name)) {}

  void set_per_second(std::size_t lines) noexcept { limits_.set_per_second(lines); }
  // kMailTold of a shard; `texts` are what follows the head.
  void take(std::uint32_t shard, const ToldHead& head, ByteView texts, Time now);
  // About every second.
  void look(Time now) { limits_.look(now); }

  // Any thread: lines that were left out, by event.
  void collect(const std::string& service_id, MetricsSnapshot& metrics) const;

 private:
  struct Line;
  static void write(const Line& line);
  [[nodiscard]] static std::string message_of(const Line& line);
  // Views of `line`.
  [[nodiscard]] static std::vector<LogField> fields_of(const Line& line);

  InstanceName instance_name_;
  LogLimits limits_;
};

}  // namespace ringgate
