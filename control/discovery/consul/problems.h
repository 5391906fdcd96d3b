// What is wrong between us and Consul: one line for each of those who ask it (a watch, a
// registration), logged when it changes and not at every retry; and how often what went wrong.
// Control thread, but for collect().
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "control/base/error.h"
#include "control/discovery/consul/http.h"
#include "control/observe/metrics.h"

namespace ringgate::consul {

enum class Trouble : std::uint8_t {
  kConnect,   // No connection, also for TLS.
  kTimeout,   // No answer in time.
  kDenied,    // 401, 403, or answers that leave out what we may not read.
  kServer,    // 5xx, or no leader.
  kAnswer,    // One that is not as documented, or too long.
  kRejected,  // Another status.
  kCount,
};

struct Fault {
  Trouble trouble = Trouble::kConnect;
  std::string text;  // What is wrong and how to mend it.
};

class Problems {
 public:
  explicit Problems(std::string url) : url_(std::move(url)) {}

  // What is wrong with an answer, if anything. `what` was to be done: "read service chat".
  [[nodiscard]] std::optional<Fault> fault_of(const Reply& reply, std::string_view what) const;
  [[nodiscard]] Fault bad_answer(std::string_view what, std::string_view why) const;

  // `who` asks: "chat" or "registration of gw01".
  void set(const std::string& who, Fault fault);
  void clear(const std::string& who);
  void forget(const std::string& who) { texts_.erase(who); }  // It does not ask any more.
  [[nodiscard]] std::optional<Error> current() const;

  // Any thread.
  void collect(MetricsSnapshot& metrics) const;

 private:
  [[nodiscard]] bool is_known(const std::string& text) const;

  const std::string url_;
  std::map<std::string, std::string> texts_;  // by who
  std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(Trouble::kCount)> counts_{};
};

}  // namespace ringgate::consul
