// Pushes to so many channels of a shard that they are worked off in slices (push_pace.h), between
// which everybody else is served; and, in order behind them, pushes to one of those channels.
//
// One per shard, on its thread. The memory is of the shard's pool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "dataplane/send_queue.h"
#include "services/gateway/mail.h"
#include "services/gateway/parts/pushes/delivery.h"

namespace ringgate {

// A push with copies of all it needs: the channels, the header and the tail are behind it.
struct FanOut {
  FanOut* next = nullptr;
  SharedBlock* shared = nullptr;  // the packet, encoded for all of them, if it is large
  DeliveryHead head;
  std::uint32_t block_bytes = 0;
  std::uint32_t channels_at = 0;  // where the channels begin that have not got it yet
  std::uint32_t tail_bytes = 0;
  std::uint32_t receivers = 0;  // that have

  // Views, valid until it is dropped.
  [[nodiscard]] std::string_view channels_left() const noexcept;
  [[nodiscard]] Delivery delivery() const noexcept;
};

class FanOuts {
 public:
  // Receivers, and bytes to all of them together, beyond which a push is worked off in slices.
  static constexpr std::uint32_t kMostAtOnce = 128;
  static constexpr std::size_t kMostBytesAtOnce = 512 * 1024;

  // Of a shard with so many slots of clients.
  FanOuts(BlockPool& pool, std::uint32_t slots) : pool_(pool), marks_(slots) {}
  FanOuts(const FanOuts&) = delete;
  FanOuts& operator=(const FanOuts&) = delete;
  ~FanOuts();

  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] FanOut* first() const noexcept { return first_; }
  // Memory of all that wait.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

  // Behind all others. Its channels are to be marked, or too many for that (mark_all).
  // False: there is no memory for it.
  [[nodiscard]] bool add(const Delivery& delivery, std::string_view channels);
  void drop_first() noexcept;

  // The slot of a channel that is among those of one that waits; whoever gets the slot meanwhile
  // has the mark, which makes its pushes wait without need. Marks end when nothing waits any more.
  void mark(std::uint32_t slot) noexcept {
    if (slot < marks_.size()) marks_[slot] = epoch_;
  }
  void mark_all() noexcept { all_marked_ = true; }
  [[nodiscard]] bool is_marked(std::uint32_t slot) const noexcept {
    return all_marked_ || (slot < marks_.size() && marks_[slot] == epoch_);
  }

  // Whether a push of so many bytes to such a list is worked off in slices.
  [[nodiscard]] static bool is_large(std::string_view channels, std::size_t bytes) noexcept;

 private:
  BlockPool& pool_;
  FanOut* first_ = nullptr;
  FanOut* last_ = nullptr;
  std::size_t bytes_ = 0;
  // By slot, close together: thousands of channels are marked in one turn, and to look at each of
  // them would take a millisecond of misses of the cache.
  std::vector<std::uint8_t> marks_;
  // Of the marks: another one after each time that nothing waited. A mark that is so old that its
  // number is used again makes a push wait without need, and harms nothing.
  std::uint8_t epoch_ = 1;
  bool all_marked_ = false;
};

}  // namespace ringgate
