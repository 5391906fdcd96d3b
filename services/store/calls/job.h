// One call to a store, as its shard and the store's thread share it: what is asked, and the answer.
//
// A job belongs to the StoreClient of the shard that asks, from its submission until its answer is
// back. Mail carries a pointer to it: between the two, and only then, the store's thread uses it.
// So nothing is freed by whoever reads mail, and what is under way when the service ends goes with
// the client, once the store's thread has ended.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "services/store/error.h"

namespace ringgate {

class StoreCallBase;
class StoreClient;

class StoreJob {
 public:
  explicit StoreJob(std::uint8_t its_call) noexcept : call(its_call) {}
  StoreJob(const StoreJob&) = delete;
  StoreJob& operator=(const StoreJob&) = delete;
  virtual ~StoreJob() = default;

  // Which of the store's calls it is: its place in the StoreCalls.
  const std::uint8_t call;

  // --- Whoever has it at present -------------------------------------------------------------
  virtual void fail(StoreError error) = 0;
  // Nothing: it succeeded.
  [[nodiscard]] virtual std::optional<StoreError> error() const = 0;

  // --- The store's thread --------------------------------------------------------------------
  // Nobody waits for it any more: what was not begun by then is not done at all. `now_ms` is of
  // Clock::monotonic_ms.
  [[nodiscard]] bool is_past(std::uint64_t now_ms) const noexcept { return now_ms > past_ms_; }
  // Who asks.
  [[nodiscard]] std::uint32_t shard() const noexcept { return shard_; }

 private:
  friend StoreClient;

  StoreClient* client_ = nullptr;
  StoreCallBase* waiting_ = nullptr;  // null: nobody, its time was up, or its coroutine has gone
  std::list<std::unique_ptr<StoreJob>>::iterator place_;
  std::uint64_t asked_ns_ = 0;  // of CLOCK_MONOTONIC
  std::uint64_t past_ms_ = 0;
  std::uint32_t shard_ = 0;
  std::uint32_t deadline_ms_ = 0;  // of the shard's clock
  bool gave_up_ = false;           // its caller was told kTimeout
  bool undone_ = false;            // the store was told that its answer came too late
};

// What may be asked. `Answer` may be void; `kName` is the label of metrics.
template <class Request>
concept StoreRequestType = requires {
  typename Request::Answer;
  { Request::kName } -> std::convertible_to<std::string_view>;
};

template <StoreRequestType Request>
class StoreJobOf final : public StoreJob {
 public:
  using Answer = Request::Answer;

  StoreJobOf(std::uint8_t its_call, Request asked)
      : StoreJob(its_call), request(std::move(asked)) {}
  // One that has its answer.
  StoreJobOf(std::uint8_t its_call, StoreResult<Answer> known)
      : StoreJob(its_call), answer(std::move(known)) {}

  void fail(StoreError error) override { answer = std::unexpected(error); }
  [[nodiscard]] std::optional<StoreError> error() const override {
    return answer ? std::optional<StoreError>() : answer.error();
  }

  Request request;
  StoreResult<Answer> answer = std::unexpected(StoreError::kUnavailable);
};

// The calls that a store has.
template <StoreRequestType... Requests>
struct StoreCalls {
  static constexpr std::array<std::string_view, sizeof...(Requests)> kNames{Requests::kName...};

  // Where a request is among them; one that is not among them does not compile.
  template <class Request>
  static consteval std::uint8_t index_of() {
    static_assert((std::same_as<Request, Requests> || ...), "not a call of this store");
    std::uint8_t index = 0;
    static_cast<void>(((std::same_as<Request, Requests> ? true : (++index, false)) || ...));
    return index;
  }

  // Calls `use(StoreJobOf<Request>&)` for what the job is.
  template <class Use>
  static void visit(StoreJob& job, Use&& use) {
    static_cast<void>(
        ((job.call == index_of<Requests>() ? (use(static_cast<StoreJobOf<Requests>&>(job)), true)
                                           : false) ||
         ...));
  }
};

}  // namespace ringgate
