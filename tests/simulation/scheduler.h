// Who goes on next, and what time it is: the clock, the one seed and the trace of a simulated
// world.
//
// Everything that can go on is in one list, of which the seed takes one: so there is no order but
// the seed's. Where nothing can go on, the clock leaps to what is due next.
#pragma once

#include <cstdint>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/random.h"

namespace ringgate::sim {

enum class Actor : std::uint8_t {
  kOperation,  // of the kernel; the index is its number
  kShard,      // has something to do
  kTimeout,    // of a shard that sleeps: its wait is over
  kControl,    // of a process
  kClient,     // has got something
  kThought,    // of a client: it is to do something
  kService,    // a played one: something came on a socket of its own
  kAnswer,     // of a played service: one that was put off
  kStore,      // of a logic service: a job that was put off
  kTrouble,    // somebody breaks something
};

struct Turn {
  Actor actor = Actor::kOperation;
  std::uint32_t index = 0;
  std::uint32_t version = 0;  // of a turn that was put off: what it was when it was
};

inline constexpr std::uint64_t kMs = 1'000'000;  // in ns

class Scheduler {
 public:
  explicit Scheduler(std::uint64_t seed) : random(seed) {}

  Random random;

  [[nodiscard]] std::uint64_t now_ns() const noexcept { return now_ns_; }
  [[nodiscard]] std::uint64_t now_ms() const noexcept { return now_ns_ / kMs; }
  [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }

  // It can go on. Who calls this sees to it that nobody is listed twice.
  void ready(Actor actor, std::uint32_t index) { ready_.push_back({actor, index, 0}); }
  void after(std::uint64_t ns, Actor actor, std::uint32_t index, std::uint32_t version = 0) {
    later_.push({now_ns_ + ns, order_++, {actor, index, version}});
  }

  // Nobody can go on before something is due.
  [[nodiscard]] bool idle() const noexcept { return ready_.empty(); }

  // The next turn, which it notes in the trace. False: nobody will ever go on.
  bool next(Turn& turn) {
    now_ns_ += random.next() & 0x3FFFU;  // up to 16 us
    if (ready_.empty() && !later_.empty() && later_.top().at_ns > now_ns_) {
      now_ns_ = later_.top().at_ns;
    }
    if (!later_.empty() && later_.top().at_ns <= now_ns_) {
      turn = later_.top().turn;
      later_.pop();
    } else if (!ready_.empty()) {
      const std::uint32_t chosen = random.below(ready_.size());
      turn = ready_[chosen];
      ready_[chosen] = ready_.back();
      ready_.pop_back();
    } else {
      return false;
    }
    ++steps_;
    note((std::uint64_t{static_cast<std::uint8_t>(turn.actor)} << 56U) ^ turn.index);
    return true;
  }

  // The trace: what has happened, in a number.
  void note(std::uint64_t what) noexcept {
    trace_ = (trace_ ^ what) * 0x9FB21C651E98DF25ULL;
    trace_ ^= trace_ >> 32U;
  }
  [[nodiscard]] std::uint64_t trace() const noexcept { return trace_ ^ now_ns_; }

  // Something that must not be; the first is what is told.
  void fail(std::string what) {
    if (failure_.empty()) failure_ = std::move(what);
  }
  [[nodiscard]] bool failed() const noexcept { return !failure_.empty(); }
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

 private:
  struct Later {
    std::uint64_t at_ns;
    std::uint64_t order;
    Turn turn;
    bool operator<(const Later& other) const noexcept {
      return at_ns != other.at_ns ? at_ns > other.at_ns : order > other.order;
    }
  };

  std::uint64_t now_ns_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t trace_ = 0;
  std::uint64_t order_ = 0;
  std::vector<Turn> ready_;
  std::priority_queue<Later> later_;
  std::string failure_;
};

}  // namespace ringgate::sim
