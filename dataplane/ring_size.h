// How large the queues of a shard's ring are to be.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "dataplane/ring.h"

namespace ringgate {

// Room for completions of half of its clients at once, and an eighth of that for submissions.
// Queues are walked round, so all of their memory is in use before long. What does not fit is kept
// by the kernel (IORING_FEAT_NODROP in io_uring_setup(2)), which has to allocate for it; a full
// queue of submissions is submitted.
inline void size_queues(RingOptions& ring, std::uint64_t clients) {
  constexpr std::uint64_t kLeastCompletions = 4096;
  constexpr std::uint64_t kMostCompletions = RingOptions().cq_entries;
  constexpr unsigned kCompletionsOfSubmission = 8;
  ring.cq_entries = static_cast<unsigned>(
      std::clamp(std::bit_ceil(clients / 2 + 1), kLeastCompletions, kMostCompletions));
  ring.sq_entries = ring.cq_entries / kCompletionsOfSubmission;
}

}  // namespace ringgate
