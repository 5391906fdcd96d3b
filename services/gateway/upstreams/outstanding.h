// The requests of one shard to one service that have no answer yet: bounded, preallocated, in the
// order they were sent.
//
// A channel is named by its slot and its login number (the low 32 bits of the counter in its
// channel id), so that an answer retires the entry also when the channel is gone. Two requests of
// a channel with the same sequence are two entries. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace ringgate {

struct OutstandingRequest {
  std::uint32_t slot = 0;
  std::uint32_t login = 0;
  std::uint32_t sequence = 0;
  std::string_view command;   // empty when it was longer than OutstandingTable::kCommandBytes
  std::uint32_t sent_us = 0;  // Shard::now_us()
  std::uint16_t service = 0;  // in ServiceCounters
};

class OutstandingTable {
 public:
  static constexpr std::size_t kCommandBytes = 27;

  // Memory for `max` entries is reserved now and touched when used.
  explicit OutstandingTable(std::uint32_t max);

  // False: the table is full.
  [[nodiscard]] bool add(const OutstandingRequest& request, std::uint32_t now_ms) noexcept;
  // The oldest entry of this channel and sequence is gone: whose service's it was and since when,
  // and its command, a view until the next add(). Nothing: there was none.
  struct Retired {
    std::uint32_t sent_us;
    std::uint16_t service;
    std::string_view command;
  };
  [[nodiscard]] std::optional<Retired> retire(std::uint32_t login, std::uint32_t sequence) noexcept;

  // The same, and tells all of it (the command is a view until the next call).
  [[nodiscard]] bool take(std::uint32_t login, std::uint32_t sequence,
                          OutstandingRequest& request) noexcept;

  // Removes the entries older than `timeout_ms`, oldest first, and tells `use` of each.
  template <class Use>
  std::size_t expire(std::uint32_t now_ms, std::uint32_t timeout_ms, Use&& use) {
    std::size_t expired = 0;
    while (oldest_ != 0 && now_ms - entries_[oldest_].sent_ms > timeout_ms) {
      use(take_oldest());
      ++expired;
    }
    return expired;
  }
  // Removes all that are there now, oldest first.
  template <class Use>
  std::size_t fail_all(Use&& use) {
    const std::size_t all = size_;
    std::size_t failed = 0;
    for (; failed < all && oldest_ != 0; ++failed) use(take_oldest());
    return failed;
  }

  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint32_t max() const noexcept { return max_; }

 private:
  // Entries are numbered from 1; 0 is none.
  struct Entry {
    std::uint32_t slot;
    std::uint32_t login;
    std::uint32_t sequence;
    std::uint32_t sent_ms;
    std::uint32_t next_in_bucket;
    std::uint32_t previous_in_bucket;
    std::uint32_t older;
    std::uint32_t newer;
    std::uint32_t sent_us;
    std::uint16_t service;
    std::uint8_t command_bytes;
    std::array<char, kCommandBytes> command;
  };
  // Oldest first, so that a client whose requests all have one sequence costs no search.
  struct Bucket {
    std::uint32_t first;
    std::uint32_t last;
  };
  struct Deleter {
    void operator()(void* memory) const noexcept;
  };
  template <class T>
  using Lazy = std::unique_ptr<T[], Deleter>;  // zeroed by the kernel, page by page

  // The request's command is a view into a copy that lives until the next call.
  OutstandingRequest take_oldest() noexcept;
  [[nodiscard]] std::uint32_t bucket_of(std::uint32_t login, std::uint32_t sequence) const noexcept;
  // The oldest such entry, or 0.
  [[nodiscard]] std::uint32_t find(std::uint32_t login, std::uint32_t sequence) const noexcept;
  [[nodiscard]] OutstandingRequest remember(std::uint32_t index) noexcept;
  void remove(std::uint32_t index) noexcept;

  std::uint32_t max_;
  std::uint32_t bucket_mask_;
  Lazy<Entry> entries_;
  Lazy<Bucket> buckets_;
  std::uint64_t salt_;      // clients choose sequences: they must not choose buckets
  std::uint32_t free_ = 0;  // chained by next_in_bucket
  std::uint32_t untouched_ = 1;
  std::uint32_t oldest_ = 0;
  std::uint32_t newest_ = 0;
  std::uint32_t size_ = 0;
  Entry taken_{};
};

}  // namespace ringgate
