// What a shard tells the control thread of, for the log: so many events of a kind in a second, and
// how many it has left out. Of one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ringgate {

template <std::size_t kKinds>
class ToldPerSecond {
 public:
  // `mail(left_out)` tells of the event and of those that were left out before it; false: it cannot
  // be told now. Beyond `most` in this second it is not called.
  template <class Mail>
  void tell(std::size_t kind, std::uint32_t most, std::uint32_t now_ms, Mail&& mail) {
    turn(now_ms);
    Count& count = counts_[kind];
    if (count.told >= most || !mail(count.left_out)) {
      ++count.left_out;
      return;
    }
    ++count.told;
    count.left_out = 0;
  }

  // `mail(kind, left_out)` tells of what was left out and of nothing else, once its second is over;
  // false: at the next tick.
  template <class Mail>
  void on_tick(std::uint32_t now_ms, Mail&& mail) {
    if (!turn(now_ms)) return;
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      std::uint32_t& left_out = counts_[kind].left_out;
      if (left_out > 0 && mail(kind, left_out)) left_out = 0;
    }
  }

 private:
  struct Count {
    std::uint32_t told = 0;  // in this second
    std::uint32_t left_out = 0;
  };

  bool turn(std::uint32_t now_ms) {
    constexpr std::uint32_t kSecondMs = 1000;
    if (now_ms - second_ms_ < kSecondMs) return false;
    second_ms_ = now_ms;
    for (Count& count : counts_) count.told = 0;
    return true;
  }

  std::array<Count, kKinds> counts_{};
  std::uint32_t second_ms_ = 0;  // when it began
};

}  // namespace ringgate
