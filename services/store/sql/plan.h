// What each call of the message store is in SQL: all of its meaning is here, the same for every
// database. Pure functions on the store's thread.
#pragma once

#include <chrono>
#include <cstddef>

#include "services/store/messages.h"
#include "services/store/sql/statement.h"

namespace ringgate::sql {

struct Rules {
  std::chrono::days offline_days{15};
  std::size_t max_group_members = 10'000;
};

// What is to be done for a call. Refers to the job. Empty: nothing, and it has its answer.
[[nodiscard]] Plan plan_of(StoreJob& job, const Rules& rules);
// Of a talk: when it was received. Null: it is none.
[[nodiscard]] std::int64_t* send_time_of(StoreJob& job);
// Whether it changes nothing, and has a long answer.
[[nodiscard]] bool only_reads(const StoreJob& job) noexcept;
// What it brings along, or may bring back: of its messages.
[[nodiscard]] std::size_t bytes_of(StoreJob& job);
// Its answer, from what the steps gave.
void answer_from(const Results& results, StoreJob& job);
// What undoes a call that succeeded, or of which nobody knows whether it did; empty where there is
// nothing to undo, or no way: an ack stays, and so does what was deleted.
[[nodiscard]] Plan undo_of(StoreJob& job);

}  // namespace ringgate::sql
