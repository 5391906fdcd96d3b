// Whether a request may have lain unread for so long that its gateway has given it up.
//
// A process that is stopped, or whose machine is suspended, reads afterwards what came meanwhile,
// and nothing in a request says how old it is. What is read within a second of such a stall may be
// as old as the stall was long: a login that is carried out then would take the account from a
// device that is there, for one that was told that it is not logged in.
//
// One per shard, on its thread.
#pragma once

#include <cstdint>
#include <ctime>

namespace ringgate {

class StallWatch {
 public:
  // So long between two turns is a stall: a shard that has nothing to do turns much more often, and
  // gateways wait longer for a login unless they are told otherwise.
  static constexpr std::uint64_t kStallUs = 3'000'000;
  // What lay in the sockets is read in so much time.
  static constexpr std::uint64_t kReadUs = 1'000'000;

  // Counts the time in which the machine is suspended, clock_gettime(2), and is read at the call:
  // the turn that stood still began before.
  static std::uint64_t now_us() noexcept {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec) / 1'000;
  }

  void on_turn(std::uint64_t now_us) noexcept {
    look(now_us);
    turned_us_ = now_us;
  }
  // Of what is read now.
  [[nodiscard]] bool may_be_old(std::uint64_t now_us) noexcept {
    look(now_us);
    return now_us < old_until_us_;
  }

 private:
  void look(std::uint64_t now_us) noexcept {
    if (turned_us_ != 0 && now_us - turned_us_ >= kStallUs) {
      old_until_us_ = now_us + kReadUs;
      turned_us_ = now_us;
    }
  }

  std::uint64_t turned_us_ = 0;  // 0: not yet
  std::uint64_t old_until_us_ = 0;
};

}  // namespace ringgate
