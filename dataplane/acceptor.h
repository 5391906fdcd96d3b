// Accepting: several single-shot accepts kept armed per listener, each with an address of its own
// (a multishot accept gives no usable peer address).
//
// A full table would lose the accepted socket, so no more accepts are armed than there is room
// for; a shard without room closes its listener (or the kernel goes on giving it its share of
// clients) and reopens it at 95 %.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/counters.h"
#include "dataplane/listener.h"
#include "dataplane/ring.h"

namespace ringgate {

enum class AcceptMode : std::uint8_t {
  kNone,
  kDirect,   // every shard accepts clients, as direct descriptors
  kHandOut,  // shard 0 accepts links and hands them to all shards in turn
};

class Acceptor {
 public:
  static constexpr std::uint32_t kArmed = 32;

  // `listeners` outlives this; `index` is this shard's listener.
  void start(Ring* ring, AcceptMode mode, ListenerSet* listeners, std::uint32_t index,
             std::uint32_t room);
  // An accept has completed. The peer's address is valid until the next arm().
  [[nodiscard]] const sockaddr_storage& completed(std::uint32_t accept_index);
  // Arms as many accepts as `room` more connections allow; closes the listener when there is none.
  void arm(Ring* ring, std::uint32_t room, std::uint32_t max, Counters& counters);
  // No more accepts: cancels those armed, then closes the listener.
  void stop(Ring* ring);

  [[nodiscard]] AcceptMode mode() const noexcept { return mode_; }
  [[nodiscard]] std::uint32_t armed() const noexcept { return armed_; }
  [[nodiscard]] bool active() const noexcept { return mode_ != AcceptMode::kNone && !stopping_; }
  // Whether a completion is of the listener that is open now.
  [[nodiscard]] bool stopping() const noexcept { return stopping_; }

 private:
  struct Accept {
    sockaddr_storage address{};
    socklen_t address_bytes = 0;
    bool armed = false;
  };

  std::array<Accept, kArmed> accepts_;
  ListenerSet* listeners_ = nullptr;
  std::uint32_t index_ = 0;
  std::uint32_t armed_ = 0;
  AcceptMode mode_ = AcceptMode::kNone;
  bool open_ = false;
  bool stopping_ = false;
};

}  // namespace ringgate
