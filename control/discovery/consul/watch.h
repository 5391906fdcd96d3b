// Follows the healthy instances of one service with blocking queries: each asks for what is newer
// than the index of the answer before. Owned by the registry; control thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/discovery/consul/context.h"
#include "control/discovery/json.h"
#include "control/discovery/registry.h"

namespace ringgate::consul {

class Watch {
 public:
  // Starts asking at once. The watcher may destroy this watch.
  Watch(Context& context, std::string name, ringgate::Registry::Watcher watcher);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // Nothing before the first good answer.
  [[nodiscard]] const std::optional<std::vector<Instance>>& known() const { return known_; }
  // Whether the last good answer came after questions that failed: the first word of an agent that
  // has lost its memory may be half of what there is.
  [[nodiscard]] bool may_be_partial() const { return after_outage_; }

 private:
  using SteadyClock = std::chrono::steady_clock;

  void ask();
  void answered(const Reply& reply);
  [[nodiscard]] std::string path() const;
  [[nodiscard]] std::chrono::milliseconds pause_after(const Reply& reply);
  void failed(Fault fault);
  void keep_refused(InstanceList& found) const;
  void report_refused(const std::vector<RefusedInstance>& refused);

  Context& context_;
  const std::string name_;
  const ringgate::Registry::Watcher watcher_;
  std::optional<std::vector<Instance>> known_;
  bool has_failed_ = false;           // Since the last good answer.
  bool after_outage_ = false;         // The last good answer was the first after failures.
  std::vector<std::string> refused_;  // What the log was told about instances of no use.
  std::uint64_t index_ = 0;  // Of the last good answer; 0: the next question does not wait.
  SteadyClock::time_point asked_at_;
  Backoff backoff_;
  Http::RequestId request_ = 0;
  ControlLoop::TimerId timer_ = 0;
};

}  // namespace ringgate::consul
