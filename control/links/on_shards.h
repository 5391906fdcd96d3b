// Values that control sends to all shards by pointer, one version after another, and keeps for as
// long as a shard may read them. Control thread only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

namespace ringgate {

// What a shard does with a version that it says it has taken.
enum class Taken : std::uint8_t {
  kReads,   // reads it until it takes a newer one
  kCopied,  // has copied what it needs
};

// `Value` has a `std::uint64_t version`.
template <class Value, Taken kTaken>
class OnShards {
 public:
  explicit OnShards(std::size_t shards) : taken_(shards, 0) {}

  // Gives it its version, from 1 on.
  const Value* publish(std::unique_ptr<Value> value) {
    value->version = next_version_++;
    alive_.push_back(std::move(value));
    return alive_.back().get();
  }
  // A shard has taken this version; frees what no shard needs any more.
  void taken(std::uint32_t shard, std::uint64_t version) {
    taken_[shard] = std::max(taken_[shard], version);
    const std::uint64_t by_all = *std::ranges::min_element(taken_);
    const std::uint64_t needed = kTaken == Taken::kReads ? by_all : by_all + 1;
    while (!alive_.empty() && alive_.front()->version < needed) alive_.pop_front();
  }

  // The newest that is kept, or null.
  [[nodiscard]] const Value* newest() const noexcept {
    return alive_.empty() ? nullptr : alive_.back().get();
  }
  [[nodiscard]] std::size_t alive() const noexcept { return alive_.size(); }

 private:
  std::uint64_t next_version_ = 1;
  std::deque<std::unique_ptr<const Value>> alive_;  // oldest first
  std::vector<std::uint64_t> taken_;                // by shard: its newest
};

}  // namespace ringgate
