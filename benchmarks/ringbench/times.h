// The times of messages: of those that were answered, and, since a percentile of the survivors
// would flatter, how long those without an answer had waited when the run ended. Plain values; as
// Histogram for threads.
#pragma once

#include <cstdint>
#include <optional>

#include "benchmarks/common/histogram.h"

namespace ringgate::bench {

struct ToldTime {
  double us = 0;
  bool at_least = false;  // it is among those without an answer: the true time is this or longer
};

struct Times {
  Histogram answered;
  Histogram unanswered;  // at least so long

  [[nodiscard]] std::uint64_t count() const noexcept {
    return answered.count() + unanswered.count();
  }
  void merge(const Times& other) noexcept {
    answered.merge(other.answered);
    unanswered.merge(other.unanswered);
  }

  // The time that `fraction` of all did not exceed: those without an answer are taken to be the
  // longest, whatever they had waited. Nothing when there are none at all.
  [[nodiscard]] std::optional<ToldTime> quantile(double fraction) const;
  [[nodiscard]] std::optional<ToldTime> mean() const;
  [[nodiscard]] std::optional<ToldTime> max() const { return quantile(1); }
};

}  // namespace ringgate::bench
