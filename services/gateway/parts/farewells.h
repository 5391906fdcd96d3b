// How clients that are to go are told so: with a close frame that says when to come again, and only
// when they have the answers to what they asked.
//
// One per shard, on its thread.
#pragma once

#include <cstdint>

#include "dataplane/shard.h"
#include "services/gateway/mail.h"

namespace ringgate {

class Farewells {
 public:
  enum class Patience : std::uint8_t {
    kAll,     // logins and answers under way are waited for
    kLogins,  // the same, but whoever has not begun to log in goes
    kNone,
  };

  explicit Farewells(Shard& shard) noexcept : shard_(shard), random_(shard.turn_us() | 1U) {}

  // From now on clients are told this, with that reason.
  void begin(const Farewell& farewell, CloseReason reason) noexcept;
  // Nobody is to go any more.
  void end() noexcept { active_ = false; }

  // An open client is to go: whether it is told now, or will be with its last answer.
  [[nodiscard]] bool ask(Connection& connection, Patience patience);
  // It has its last answer: it is told now, if it was asked to go.
  void answered(Connection& connection);

 private:
  void tell(Connection& connection);
  [[nodiscard]] std::uint32_t random_up_to(std::uint32_t most) noexcept;

  Shard& shard_;
  Farewell farewell_{};
  CloseReason reason_;
  std::uint64_t random_;
  bool active_ = false;
};

}  // namespace ringgate
