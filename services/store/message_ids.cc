#include "services/store/message_ids.h"

#include <algorithm>
#include <ctime>

#include "dataplane/check.h"

namespace ringgate {
namespace {

constexpr unsigned kNodeBits = 10;
constexpr unsigned kSequenceBits = 12;
static_assert(MessageIds::kFirstNode + MessageIds::kNodes == 1U << kNodeBits);
static_assert(MessageIds::kSequences == 1U << kSequenceBits);

}  // namespace

MessageIds::MessageIds(std::uint32_t shard, std::uint32_t shards) noexcept
    : shard_(shard), shards_(shards), sequence_(shard) {
  RINGGATE_CHECK(shard < shards && shards <= kSequences);
}

void MessageIds::grant(const NodeLease& lease) noexcept {
  // In the ms of the last id, one of a lower node would be below it.
  const std::int64_t first_ms =
      std::max(lease.from_ms, lease.node != lease_.node ? last_ms_ + 1 : last_ms_);
  lease_ = lease;
  granted_ = true;
  if (last_ms_ < first_ms) {
    last_ms_ = first_ms;
    sequence_ = shard_;
  }
}

std::int64_t MessageIds::first_at(std::int64_t unix_ms) noexcept {
  return (unix_ms - kEpochMs) << (kNodeBits + kSequenceBits);
}

std::optional<std::int64_t> MessageIds::next() noexcept {
  return next_at(wall_clock_ns() / 1'000'000);
}

std::optional<std::int64_t> MessageIds::next_at(std::int64_t now_ms) noexcept {
  if (!granted_) return std::nullopt;
  if (now_ms > last_ms_) {
    last_ms_ = now_ms;
    sequence_ = shard_;
  } else if (sequence_ >= kSequences) {
    ++last_ms_;  // ahead of the clock until it catches up
    sequence_ = shard_;
  }
  if (last_ms_ > lease_.until_ms) return std::nullopt;
  const std::int64_t id =
      first_at(last_ms_) | (std::int64_t{lease_.node} << kSequenceBits) | sequence_;
  sequence_ += shards_;
  return id;
}

std::int64_t wall_clock_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace ringgate
