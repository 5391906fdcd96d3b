// Counts of times, log-linear: `SubBits` says how finely a power of two is divided. Fixed size,
// nothing is allocated while recording. Owned by one thread while it records; read and merged by
// others after that thread has ended.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace ringgate::bench {

template <unsigned SubBits, class Count>
class BasicHistogram {
 public:
  // Longer times are counted as this one: about 18 minutes.
  static constexpr std::uint64_t kMaxNs = (std::uint64_t{1} << 40) - 1;

  void record(std::uint64_t ns, Count times = 1) noexcept {
    if (times == 0) return;
    ns = std::min(ns, kMaxNs);
    buckets_[bucket_of(ns)] += times;
    count_ += times;
    sum_ns_ += ns * times;
    max_ns_ = std::max(max_ns_, ns);
  }

  void merge(const BasicHistogram& other) noexcept {
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
      buckets_[bucket] += other.buckets_[bucket];
    }
    count_ += other.count_;
    sum_ns_ += other.sum_ns_;
    max_ns_ = std::max(max_ns_, other.max_ns_);
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t max_ns() const noexcept { return max_ns_; }
  [[nodiscard]] double mean_ns() const noexcept {
    return count_ == 0 ? 0 : static_cast<double>(sum_ns_) / static_cast<double>(count_);
  }

  // The time that `fraction` (0 to 1) of what was recorded does not exceed; 0 when empty. At most
  // one part in 2^SubBits too long.
  [[nodiscard]] std::uint64_t quantile_ns(double fraction) const noexcept {
    return at_rank_ns(rank_of(fraction, count_));
  }

  // Of so many values in order, the first being 1: the one that `fraction` of them do not exceed.
  [[nodiscard]] static std::uint64_t rank_of(double fraction, std::uint64_t count) noexcept {
    const double wanted = std::ceil(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(count));
    return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(wanted));
  }
  [[nodiscard]] std::uint64_t at_rank_ns(std::uint64_t rank) const noexcept {
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
      seen += buckets_[bucket];
      if (seen >= rank) return std::min(highest_in(bucket), max_ns_);
    }
    return max_ns_;
  }

 private:
  static constexpr std::size_t kSubBuckets = std::size_t{1} << SubBits;
  static constexpr std::size_t kBuckets = kSubBuckets * (40 - SubBits + 1);

  // Below 2 * kSubBuckets a bucket is one value; above, each power of two has kSubBuckets of them.
  static std::size_t bucket_of(std::uint64_t ns) noexcept {
    const auto width = static_cast<unsigned>(std::bit_width(ns));
    const unsigned shift = width > SubBits + 1 ? width - SubBits - 1 : 0;
    return shift * kSubBuckets + static_cast<std::size_t>(ns >> shift);
  }
  static std::uint64_t highest_in(std::size_t bucket) noexcept {
    if (bucket < 2 * kSubBuckets) return bucket;
    const std::size_t shift = bucket / kSubBuckets - 1;
    const std::uint64_t mantissa = bucket - shift * kSubBuckets;
    return ((mantissa + 1) << shift) - 1;
  }

  std::array<Count, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ns_ = 0;
  std::uint64_t max_ns_ = 0;
};

// Of a whole run: at most 0.8 % off, 34 KiB.
using Histogram = BasicHistogram<7, std::uint64_t>;
// Of one interval of a timeline: at most 6 % off, 2.4 KiB.
using CoarseHistogram = BasicHistogram<4, std::uint32_t>;

}  // namespace ringgate::bench
