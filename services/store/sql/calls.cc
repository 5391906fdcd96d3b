#include "services/store/sql/calls.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

namespace ringgate::sql {
namespace {

// Of one transaction: who waits for it waits no longer than for this.
constexpr std::size_t kMostTogether = 1'024;
constexpr std::size_t kMostBytesTogether = 1024 * 1024;

// Each talk's time is later than that of the one before it. Nothing: nobody talks.
std::optional<Plan> claim_of(const std::vector<StoreJob*>& jobs, std::int64_t& last) {
  std::optional<std::int64_t> first;
  for (StoreJob* const job : jobs) {
    std::int64_t* const time = send_time_of(*job);
    if (time == nullptr) continue;
    *time = std::max(*time, last + 1);
    last = *time;
    if (!first) first = last;
  }
  if (!first) return std::nullopt;
  return Plan{{Statement::kClaimTimes, {*first, last}}};
}

}  // namespace

std::vector<StoreJob*> take_together(std::vector<StoreJob*>& asked) {
  std::vector<StoreJob*> together;
  std::vector<StoreJob*> others;
  const bool are_reads = only_reads(*asked.front());
  std::size_t bytes = 0;
  auto at = asked.begin();
  for (; at != asked.end() && together.size() < kMostTogether && bytes < kMostBytesTogether; ++at) {
    const bool fits = only_reads(**at) == are_reads;
    (fits ? together : others).push_back(*at);
    if (fits) bytes += bytes_of(**at);
  }
  others.insert(others.end(), at, asked.end());
  asked = std::move(others);
  return together;
}

std::vector<Plan> plans_of(std::vector<StoreJob*>& jobs, const Rules& rules, StoreThread& thread,
                           std::int64_t& sent_until) {
  std::vector<Plan> plans;
  plans.reserve(1 + jobs.size());
  // Before all else: who waits here for another process's transaction holds nothing that it needs.
  if (std::optional<Plan> claim = claim_of(jobs, sent_until)) plans.push_back(std::move(*claim));
  std::erase_if(jobs, [&](StoreJob* job) {
    Plan plan = plan_of(*job, rules);
    const bool has_answer = plan.empty();
    if (has_answer) {
      thread.answer(*job);
    } else {
      plans.push_back(std::move(plan));
    }
    return has_answer;
  });
  return plans;
}

void answer_all(const std::vector<StoreJob*>& jobs, const Outcome<std::vector<Results>>& all,
                StoreThread& thread) {
  const std::size_t claims = all ? all->size() - jobs.size() : 0;
  const bool is_moved = claims > 0 && !(*all)[0][0].rows.empty();
  const std::int64_t shift = is_moved ? (*all)[0][0].rows[0][0].number : 0;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (all) {
      if (std::int64_t* const time = send_time_of(*jobs[i])) *time += shift;
      answer_from((*all)[claims + i], *jobs[i]);
      thread.answer(*jobs[i]);
    } else {
      thread.fail(*jobs[i], StoreError::kUnavailable);
    }
  }
}

}  // namespace ringgate::sql
