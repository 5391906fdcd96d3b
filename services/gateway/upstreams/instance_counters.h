// What became of requests, by the instance that they went to: a bounded number of rows, taken at
// start. Written by one shard, read by any thread.
//
// A row is an instance's for as long as the shard knows it. When it goes, what its row has counted
// is added to the row of the rest, so that sums never fall; so are the requests of those for whom
// there was no row. A reader that looks while a row changes hands may see small numbers for an
// instance that is gone, once.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "dataplane/cell.h"

namespace ringgate {

class InstanceCounters {
 public:
  struct Row {
    std::atomic<std::uint32_t> upstream{0};  // 0: nobody's, or the rest's
    Cell forwarded;
    Cell failed;  // the link or a table was full, or there was no link
    Cell answered;
    Cell unanswered;  // no answer in time, or the link broke
    Cell took_us;     // of all that were answered
  };

  explicit InstanceCounters(std::size_t instances)
      : size_(instances + 1), rows_(std::make_unique<Row[]>(size_)) {}

  [[nodiscard]] Row& rest() noexcept { return rows_[0]; }

  // By its shard: a row for an instance that has none.
  [[nodiscard]] Row& take(std::uint32_t upstream) noexcept {
    for (std::size_t i = 1; i < size_; ++i) {
      Row& row = rows_[i];
      if (row.upstream.load(std::memory_order_relaxed) != 0) continue;
      row.upstream.store(upstream, std::memory_order_release);
      return row;
    }
    return rest();
  }
  // And back. Nothing for the row of the rest.
  void give(Row& row) noexcept {
    if (&row == &rest()) return;
    row.upstream.store(0, std::memory_order_release);
    move(row.forwarded, rest().forwarded);
    move(row.failed, rest().failed);
    move(row.answered, rest().answered);
    move(row.unanswered, rest().unanswered);
    move(row.took_us, rest().took_us);
  }

  // Tells `use(upstream, const Row&)`; 0: the rest.
  template <class Use>
  void for_each(Use&& use) const {
    for (std::size_t i = 0; i < size_; ++i) {
      const std::uint32_t upstream = rows_[i].upstream.load(std::memory_order_acquire);
      if (i == 0 || upstream != 0) use(upstream, static_cast<const Row&>(rows_[i]));
    }
  }

 private:
  static void move(Cell& from, Cell& to) noexcept {
    to.add(from.get());
    from.set(0);
  }

  std::size_t size_;
  std::unique_ptr<Row[]> rows_;
};

}  // namespace ringgate
