// Whether a request may have lain unread for so long that its gateway has given it up.
//
// A process that is stopped, or whose machine is suspended, reads afterwards what came meanwhile,
// and nothing in a request says how old it is. What is read within a second of such a stall may be
// as old as the stall was long: a login that is carried out then would take the account from a
// device that is there, for one that was told that it is not logged in.
//
// One per shard, on its thread. Times are Shard::turn_us().
#pragma once

#include <cstdint>

namespace ringgate {

class StallWatch {
 public:
  // A turn in which nothing was read for so long is a stall: ticks come much more often, and
  // gateways wait longer for a login unless they are told otherwise.
  static constexpr std::uint64_t kStallUs = 3'000'000;
  // What lay in the sockets is read in so much time.
  static constexpr std::uint64_t kReadUs = 1'000'000;

  void on_tick(std::uint64_t now_us) noexcept {
    look(now_us);
    ticked_us_ = now_us;
  }
  // Of what is read in the turn that began then.
  [[nodiscard]] bool may_be_old(std::uint64_t now_us) noexcept {
    look(now_us);
    return now_us < old_until_us_;
  }

 private:
  void look(std::uint64_t now_us) noexcept {
    if (ticked_us_ != 0 && now_us - ticked_us_ >= kStallUs) {
      old_until_us_ = now_us + kReadUs;
      ticked_us_ = now_us;
    }
  }

  std::uint64_t ticked_us_ = 0;  // 0: not yet
  std::uint64_t old_until_us_ = 0;
};

}  // namespace ringgate
