#include "services/store/sql/cleaner.h"

#include "services/store/message_ids.h"

namespace ringgate::sql {

Plan Cleaner::next(std::int64_t now_ns) const {
  const std::int64_t from_ns = now_ns - std::chrono::nanoseconds(keep_).count();
  if (!messages_are_done_) {
    return {{Statement::kDeleteOldMessages, {MessageIds::first_at(from_ns / 1'000'000), kBatch}}};
  }
  Plan steps;
  if (has_owner_) {
    steps.push_back({Statement::kDeleteOldIndex, {app_, owner_, from_ns, kBatch - 1}});
  }
  steps.push_back({Statement::kNextOwner, {app_, owner_}});
  return steps;
}

bool Cleaner::done(const Results& results) {
  if (!messages_are_done_) {
    messages_are_done_ = results[0].changed < kBatch;
    return false;
  }
  if (has_owner_ && results[0].changed >= kBatch) return false;  // it has more
  const std::vector<Row>& next = results.back().rows;
  has_owner_ = !next.empty();
  app_ = has_owner_ ? next[0][0].text : std::string();
  owner_ = has_owner_ ? next[0][1].text : std::string();
  messages_are_done_ = has_owner_;
  return !has_owner_;
}

}  // namespace ringgate::sql
