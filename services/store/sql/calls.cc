#include "services/store/sql/calls.h"

#include <algorithm>
#include <utility>

namespace ringgate::sql {
namespace {

constexpr std::size_t kMostTogether = 1'024;

}  // namespace

std::vector<StoreJob*> take_together(std::vector<StoreJob*>& asked) {
  const auto end =
      asked.begin() + static_cast<std::ptrdiff_t>(std::min(asked.size(), kMostTogether));
  std::vector<StoreJob*> together(asked.begin(), end);
  asked.erase(asked.begin(), end);
  return together;
}

std::vector<Plan> plans_of(std::vector<StoreJob*>& jobs, const Rules& rules, StoreThread& thread) {
  std::vector<Plan> plans;
  plans.reserve(jobs.size());
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
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (all) {
      answer_from((*all)[i], *jobs[i]);
      thread.answer(*jobs[i]);
    } else {
      thread.fail(*jobs[i], StoreError::kUnavailable);
    }
  }
}

}  // namespace ringgate::sql
