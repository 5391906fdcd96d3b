// The side of a shard that asks a store: it sends jobs to the store's thread, and brings their
// answers to the coroutines that wait. Never blocks and takes no lock: what finds no room in the
// mailbox, or is beyond `max_in_flight`, is refused with kFull at once; what has no answer in time
// is kTimeout, and the store is told when its answer comes after all, so that it can undo it.
//
// A store that is in the shard's own memory has no thread: its jobs are answered where they are
// asked, and no coroutine waits.
//
// One for each shard and store, on the shard's thread. It owns the jobs that are under way, also
// those that nobody waits for: it is destroyed after the store's thread has ended (StoreThread).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <span>

#include "dataplane/shard.h"
#include "services/store/calls/job.h"
#include "services/store/calls/metrics.h"

namespace ringgate {

struct StoreClientOptions {
  std::uint32_t endpoint = 0;  // which of the group's extra endpoints the store's thread is
  std::uint32_t timeout_ms = 2'000;
  std::size_t max_in_flight = 8 * 1024;  // of a shard, late ones included; beyond: kFull
};

class StoreClient {
 public:
  // `cells` has one for each of the store's calls. What is referred to outlives this.
  StoreClient(const StoreClientOptions& options, Shard& shard,
              std::span<StoreCallCells> cells) noexcept;
  // Of a store without a thread: gives a job its answer.
  using AnswerHere = std::function<void(StoreJob&)>;
  StoreClient(AnswerHere answer_here, Shard& shard, std::span<StoreCallCells> cells) noexcept;
  StoreClient(const StoreClient&) = delete;
  StoreClient& operator=(const StoreClient&) = delete;
  ~StoreClient() = default;

  // --- The shard's handler -------------------------------------------------------------------
  // Mail of kind kMailStoreDone, of whichever store: it is brought to the client that asked.
  static void take_done(ByteView mail);
  // A few times a second at least: what is past its time.
  void on_tick();

  // --- StoreCall -----------------------------------------------------------------------------
  // An error: the job is still the caller's. So it is when it has its answer already. Otherwise it
  // is ours from now on.
  [[nodiscard]] std::optional<StoreError> submit(std::unique_ptr<StoreJob>& job,
                                                 StoreCallBase& waiting);
  // Nobody waits for it any more.
  void forget(StoreJob& job) noexcept { job.waiting_ = nullptr; }
  // A call that was not even asked; counted.
  void refused(std::uint8_t call, StoreError error) noexcept;

 private:
  using Jobs = std::list<std::unique_ptr<StoreJob>>;

  void answer_here(StoreJob& job);
  void done(StoreJob& job);
  void count_answered(const StoreJob& job, StoreCallCells& cells) noexcept;
  void change_in_flight(const StoreJob& job, int by) noexcept;

  Shard& shard_;
  AnswerHere answer_here_;  // empty: the store has a thread
  std::uint32_t to_ = 0;
  std::uint32_t timeout_ms_ = 0;
  std::size_t max_in_flight_ = 0;
  std::span<StoreCallCells> cells_;
  std::size_t in_flight_ = 0;
  Jobs asked_;    // in the order of their deadlines
  Jobs overdue_;  // whose caller has been told kTimeout
};

}  // namespace ringgate
