#include "services/store/health.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "control/base/text.h"
#include "control/observe/log_event.h"
#include "dataplane/clock.h"

namespace ringgate {
namespace {

// A loop that has not turned for so long hangs in something: it turns about every second.
constexpr std::uint64_t kStuckMs = 5'000;
constexpr std::size_t kMostSaid = 320;

constexpr std::array<std::string_view, static_cast<std::size_t>(StoreTrouble::kCount)> kNames{
    "connection", "timeout", "full", "read_only", "denied", "loading", "answer", "schema", "other"};

struct Code {
  std::string_view word;
  StoreTrouble trouble;
};
constexpr std::array<Code, 10> kCodes{{{"OOM ", StoreTrouble::kFull},
                                       {"READONLY ", StoreTrouble::kReadOnly},
                                       {"MASTERDOWN ", StoreTrouble::kReadOnly},
                                       {"NOAUTH ", StoreTrouble::kDenied},
                                       {"WRONGPASS ", StoreTrouble::kDenied},
                                       {"NOPERM ", StoreTrouble::kDenied},
                                       {"MISCONF ", StoreTrouble::kReadOnly},
                                       {"NOREPLICAS ", StoreTrouble::kReadOnly},
                                       {"CLUSTERDOWN ", StoreTrouble::kLoading},
                                       {"LOADING ", StoreTrouble::kLoading}}};

// A server's words as a part of one line.
std::string first_line(std::string_view words) {
  return printable(words.substr(0, std::min(words.find_first_of("\r\n"), kMostSaid)));
}

std::string_view what_it_does(StoreTrouble trouble) noexcept {
  switch (trouble) {
    case StoreTrouble::kConnection:
      return "cannot be reached";
    case StoreTrouble::kTimeout:
      return "does not answer";
    case StoreTrouble::kFull:
      return "is full";
    case StoreTrouble::kReadOnly:
      return "cannot be written to";
    case StoreTrouble::kDenied:
      return "does not let us in";
    case StoreTrouble::kLoading:
      return "is not ready yet";
    case StoreTrouble::kAnswer:
      return "gives answers that make no sense";
    case StoreTrouble::kSchema:
      return "has tables that are not ours to use";
    case StoreTrouble::kOther:
    case StoreTrouble::kCount:
      break;
  }
  return "does not work";
}

}  // namespace

std::string_view describe(StoreTrouble trouble) noexcept {
  return kNames[static_cast<std::size_t>(trouble)];
}

StoreTrouble trouble_of(std::string_view redis_error) noexcept {
  for (const Code& code : kCodes) {
    if (redis_error.find(code.word) != std::string_view::npos) return code.trouble;
  }
  return StoreTrouble::kOther;
}

StoreHealth::StoreHealth(const std::string& address, std::string_view kind)
    : kind_(kind),
      turned_ms_(Clock::monotonic_ms()),
      name_(fmt::format("the {} store {}", kind, address)) {}

void StoreHealth::set_address(const std::string& address) {
  const MutexLock lock(mutex_);
  name_ = fmt::format("the {} store {}", kind_, address);
}

void StoreHealth::well() {
  well_.store(true, std::memory_order_relaxed);
  const MutexLock lock(mutex_);
  answered_once_ = true;
  told_.fill(false);
  illness_.update(std::nullopt);
}

void StoreHealth::ill(StoreTrouble trouble, std::string_view why) {
  count(trouble);
  well_.store(false, std::memory_order_relaxed);
  const MutexLock lock(mutex_);
  std::string text = fmt::format("{} {}: {}", name_, what_it_does(trouble), first_line(why));
  // A connection that broke is often only how it begins: what comes of it is told, too, once each.
  const bool is_told = std::exchange(told_[static_cast<std::size_t>(trouble)], true);
  if (illness_.text() && !is_told) log_event(LogEvent::kProblem, {{"what", text}}, text);
  illness_.update(std::move(text));
}

void StoreHealth::count(StoreTrouble trouble) noexcept {
  counts_[static_cast<std::size_t>(trouble)].fetch_add(1, std::memory_order_relaxed);
}

void StoreHealth::set_ids_problem(std::optional<std::string> text) {
  const MutexLock lock(mutex_);
  if (text) *text = fmt::format("{} {}", name_, first_line(*text));
  no_ids_.update(std::move(text));
}

std::optional<std::string> StoreHealth::problem() const {
  const std::uint64_t silent_ms =
      Clock::monotonic_ms() - turned_ms_.load(std::memory_order_relaxed);
  const MutexLock lock(mutex_);
  if (static_cast<std::int64_t>(silent_ms) > static_cast<std::int64_t>(kStuckMs)) {
    return fmt::format("the thread of {} has not turned for {} ms", name_, silent_ms);
  }
  if (illness_.text()) return illness_.text();
  if (answered_once_) return std::nullopt;
  return name_ + " has not answered yet";
}

std::optional<std::string> StoreHealth::ids_problem() const {
  const MutexLock lock(mutex_);
  return no_ids_.text();
}

void StoreHealth::collect(MetricsSnapshot& metrics, const std::string& service) const {
  const std::string store = kind_ + "s";
  metrics.gauge("ringgate_store_up", "1 while the store can keep what is given to it",
                {{"service_id", service}, {"store", store}}, is_well() ? 1 : 0);
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    metrics.counter("ringgate_store_errors_total",
                    "answers of the store that could not be used, or that did not come",
                    {{"service_id", service}, {"store", store}, {"kind", std::string(kNames[i])}},
                    static_cast<double>(counts_[i].load(std::memory_order_relaxed)));
  }
}

}  // namespace ringgate
