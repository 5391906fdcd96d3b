// What has failed in a database has to be done again before it counts as well: that it could be
// opened says nothing of a statement that failed. Owned and used by one thread.
#pragma once

#include <cstdint>

#include "services/store/sql/outcome.h"
#include "services/store/sql/statement.h"

namespace ringgate::sql {

enum class Work : std::uint8_t { kOpening, kProbe, kCalls, kUndo, kCleaning };

class Recovery {
 public:
  void failed(Work work, const Trouble& trouble) noexcept {
    owed_ |= bit(trouble.is_of_a_statement ? work : Work::kOpening);
  }
  // True: nothing is owed. What was done was done in a database that is open.
  [[nodiscard]] bool done(Work work) noexcept {
    owed_ &= ~(bit(work) | bit(Work::kOpening));
    return owed_ == 0;
  }
  [[nodiscard]] bool owes(Work work) const noexcept { return (owed_ & bit(work)) != 0; }

 private:
  static constexpr std::uint32_t bit(Work work) noexcept {
    return 1U << static_cast<std::uint32_t>(work);
  }

  std::uint32_t owed_ = bit(Work::kOpening);
};

// What calls do, for when nobody calls: writes to every table. Of an app that none can be; it
// leaves one row, that of an ack.
[[nodiscard]] Plan trial_of_calls(std::int64_t now_ns);

}  // namespace ringgate::sql
