// What is too old, deleted in small steps: first what was said, then, owner by owner, the indexes.
// Walking over the owners takes longer than looking up what is old, but costs talks nothing: there
// is no index by time to keep.
//
// Says what is to be done next; whoever has the database does it when nobody asks for anything.
// Owned by one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "services/store/sql/statement.h"

namespace ringgate::sql {

class Cleaner {
 public:
  static constexpr std::int64_t kBatch = 200;  // rows at a time

  explicit Cleaner(std::chrono::days keep) noexcept : keep_(keep) {}

  // The next step of a pass; `now_ns` is Unix time. Refers to this, until done().
  [[nodiscard]] Plan next(std::int64_t now_ns) const;
  // It was done. True: the pass is over, and next() begins another. One that failed is not done,
  // and is next again.
  [[nodiscard]] bool done(const Results& results);

 private:
  const std::chrono::days keep_;
  bool messages_are_done_ = false;
  bool has_owner_ = false;
  std::string app_;  // of the owner
  std::string owner_;
};

}  // namespace ringgate::sql
