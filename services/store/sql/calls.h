// What the databases do alike with the calls that they were asked: taken together for one
// transaction, planned, and answered. On the store's thread.
#pragma once

#include <cstdint>
#include <vector>

#include "services/store/calls/thread.h"
#include "services/store/sql/outcome.h"
#include "services/store/sql/plan.h"
#include "services/store/sql/statement.h"

namespace ringgate::sql {

// Takes the first ones of `asked`, as many as one transaction may have: the first ones wait for the
// last. Those whose answers are long are not taken with those that change something: a server that
// cannot get rid of an answer would keep what they hold. `asked` is not empty.
[[nodiscard]] std::vector<StoreJob*> take_together(std::vector<StoreJob*>& asked);

// One plan for each of `jobs`, and before them one that claims the times of their talks, if any:
// all later than `sent_until`, which becomes the last of them.
//
// The times that a transaction gives are claimed in its first statement, which lasts until its
// commit: so what is committed later has later times, whichever process stores it, and nothing
// comes to lie before what a reader of the index has had. Those that have their answer without one
// are answered, and leave `jobs`.
[[nodiscard]] std::vector<Plan> plans_of(std::vector<StoreJob*>& jobs, const Rules& rules,
                                         StoreThread& thread, std::int64_t& sent_until);

// Answers each from what its plan gave, or fails all.
void answer_all(const std::vector<StoreJob*>& jobs, const Outcome<std::vector<Results>>& all,
                StoreThread& thread);

}  // namespace ringgate::sql
