#include "benchmarks/ringbench/times.h"

#include "benchmarks/ringbench/report_format.h"

namespace ringgate::bench {

std::optional<ToldTime> Times::quantile(double fraction) const {
  if (count() == 0) return std::nullopt;
  const std::uint64_t rank = Histogram::rank_of(fraction, count());
  if (rank <= answered.count()) return ToldTime{to_us(answered.at_rank_ns(rank)), false};
  // Each of all is at least what is recorded of it, and so is the one of that rank.
  Histogram all = answered;
  all.merge(unanswered);
  return ToldTime{to_us(all.at_rank_ns(rank)), true};
}

std::optional<ToldTime> Times::mean() const {
  if (count() == 0) return std::nullopt;
  Histogram all = answered;
  all.merge(unanswered);
  return ToldTime{all.mean_ns() / 1000, unanswered.count() > 0};
}

}  // namespace ringgate::bench
