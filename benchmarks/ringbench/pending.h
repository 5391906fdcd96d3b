// The messages of one worker that have no answer yet: a queue for each client, in the order they
// were sent, of nodes from one bounded pool. One thread; nothing is allocated after the set-up but
// when the pool grows.
#pragma once

#include <cstdint>
#include <vector>

#include "benchmarks/ringbench/tally.h"

namespace ringgate::bench {

struct Pending {
  std::uint64_t intended_ns = 0;
  std::uint32_t sequence = 0;  // of logic packets; of a ping the worker's turn in which it left
  Action action = Action::kPing;
  bool counted = false;       // it belongs to the window
  std::uint8_t mix_step = 0;  // of a mix: which pause follows
};

// Part of each client; its nodes are in the pool.
struct PendingQueue {
  std::uint32_t first = 0;  // 0: none
  std::uint32_t last = 0;
  std::uint32_t count = 0;
};

class PendingPool {
 public:
  // Of all clients together: an open loop against a target that has stopped ends up here.
  static constexpr std::size_t kMost = std::size_t{1} << 21;

  PendingPool() : nodes_(1) {}

  // False: full.
  [[nodiscard]] bool push(PendingQueue& queue, const Pending& message) {
    std::uint32_t index = free_;
    if (index != 0) {
      free_ = nodes_[index].next;
    } else {
      if (nodes_.size() > kMost) return false;
      index = static_cast<std::uint32_t>(nodes_.size());
      nodes_.emplace_back();
    }
    nodes_[index] = {message, 0};
    (queue.last != 0 ? nodes_[queue.last].next : queue.first) = index;
    queue.last = index;
    ++queue.count;
    return true;
  }

  // Takes out the oldest that `matches`; false when there is none. Answers mostly come in order, so
  // it is mostly the first.
  template <class Matches>
  [[nodiscard]] bool take(PendingQueue& queue, Pending& taken, Matches&& matches) {
    std::uint32_t previous = 0;
    for (std::uint32_t index = queue.first; index != 0; index = nodes_[index].next) {
      if (matches(nodes_[index].message)) {
        taken = nodes_[index].message;
        unlink(queue, previous, index);
        return true;
      }
      previous = index;
    }
    return false;
  }

  // Takes out all, oldest first.
  template <class Use>
  void drain(PendingQueue& queue, Use&& use) {
    Pending taken;
    while (take(queue, taken, [](const Pending&) { return true; })) use(taken);
  }

 private:
  struct Node {
    Pending message;
    std::uint32_t next = 0;
  };

  void unlink(PendingQueue& queue, std::uint32_t previous, std::uint32_t index) {
    const std::uint32_t next = nodes_[index].next;
    (previous != 0 ? nodes_[previous].next : queue.first) = next;
    if (queue.last == index) queue.last = previous;
    --queue.count;
    nodes_[index].next = free_;
    free_ = index;
  }

  std::vector<Node> nodes_;  // the first is never used
  std::uint32_t free_ = 0;
};

}  // namespace ringgate::bench
