// Counts of times, log-linear: 128 buckets per power of two, so a reported time is at most 0.8 %
// off. Fixed size, nothing is allocated. Owned by one thread while it records; read and merged by
// others after that thread has ended.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ringgate::bench {

class Histogram {
 public:
  // Longer times are counted as this one: about 18 minutes.
  static constexpr std::uint64_t kMaxNs = (std::uint64_t{1} << 40) - 1;

  void record(std::uint64_t ns) noexcept {
    ns = std::min(ns, kMaxNs);
    ++buckets_[bucket_of(ns)];
    ++count_;
    max_ns_ = std::max(max_ns_, ns);
  }

  void merge(const Histogram& other) noexcept;

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t max_ns() const noexcept { return max_ns_; }

  // The time that `fraction` (0 to 1) of what was recorded does not exceed; 0 when empty.
  [[nodiscard]] std::uint64_t quantile_ns(double fraction) const noexcept;

 private:
  static constexpr unsigned kSubBits = 7;
  static constexpr std::size_t kSubBuckets = std::size_t{1} << kSubBits;
  static constexpr std::size_t kBuckets = kSubBuckets * (40 - kSubBits + 1);

  // Below 2 * kSubBuckets a bucket is one value; above, each power of two has kSubBuckets of them.
  static std::size_t bucket_of(std::uint64_t ns) noexcept {
    const auto width = static_cast<unsigned>(std::bit_width(ns));
    const unsigned shift = width > kSubBits + 1 ? width - kSubBits - 1 : 0;
    return shift * kSubBuckets + static_cast<std::size_t>(ns >> shift);
  }
  static std::uint64_t highest_in(std::size_t bucket) noexcept;

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ns_ = 0;
};

}  // namespace ringgate::bench
