// Coroutines that wait for a time: `auto wait = context.delays().after(ms); co_await wait;`
//
// One per shard, on its thread; looked at every sweep_ms, so a time is kept to that. All waits of a
// shard are about as long: they end in the order in which they began.
#pragma once

#include <coroutine>
#include <cstdint>
#include <deque>

#include "dataplane/shard.h"

namespace ringgate {

class Delays {
 public:
  explicit Delays(const Shard& shard) noexcept : shard_(shard) {}

  struct Wait {
    Delays& delays;
    std::uint32_t ms;

    bool await_ready() const noexcept { return ms == 0; }
    void await_suspend(std::coroutine_handle<> waiting) const {
      delays.waiting_.push_back({Clock::deadline(delays.shard_.now_ms(), ms), waiting});
    }
    void await_resume() const noexcept {}
  };
  [[nodiscard]] Wait after(std::uint32_t ms) noexcept { return {*this, ms}; }

  void on_tick() {
    while (!waiting_.empty() && Clock::passed(shard_.now_ms(), waiting_.front().at_ms)) {
      const std::coroutine_handle<> waiting = waiting_.front().waiting;
      waiting_.pop_front();
      waiting.resume();
    }
  }

 private:
  struct Waiting {
    std::uint32_t at_ms;
    std::coroutine_handle<> waiting;
  };
  const Shard& shard_;
  std::deque<Waiting> waiting_;
};

}  // namespace ringgate
