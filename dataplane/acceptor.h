// Accepting: several single-shot accepts kept armed per listener, each with an address of its own
// (a multishot accept gives no usable peer address).
//
// A full table would lose the accepted socket, so no more accepts are armed than there is room for;
// a shard that stays without room closes its listeners (or the kernel goes on giving it its share
// of clients) and reopens them at 95 %. Several listeners share the room evenly: what one has armed
// beyond its share is cancelled, so that nobody waits for a place that is kept for nobody. Who
// comes faster than the rate allows waits in the backlog.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

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
  static constexpr std::uint32_t kArmed = 32;  // of each listener

  // For how many more there is a place, for how many of those a TLS handshake may begin, and how
  // many there is a rate for.
  struct Room {
    std::uint32_t clients;
    std::uint32_t handshakes;
    std::uint32_t accepts;  // that may complete by now, of all listeners
  };

  // `listeners` outlive this; of each, the socket of `shard`. `max` is in connections.
  void start(Ring* ring, AcceptMode mode, std::span<Listener> listeners, std::uint32_t shard,
             std::uint32_t max, const Room& room, const SendBounds& bounds);
  // An accept has completed: which listener's, and the peer's address, valid until the next arm().
  struct Accepted {
    std::uint32_t listener;
    const sockaddr_storage& peer;
  };
  [[nodiscard]] Accepted completed(OpTag tag);
  // Arms as many accepts as there is room. Without a place, or where only handshakes have no room,
  // clients wait in the backlog.
  void arm(Ring* ring, const Room& room);
  // The same, and closes the listeners that had no place at the last sweep and have none now.
  void sweep(Ring* ring, const Room& room, Counters& counters);
  // Of connections accepted from now on.
  void set_bounds(const SendBounds& bounds);
  // No more accepts: cancels those armed, then closes the listeners.
  void stop(Ring* ring);

  [[nodiscard]] AcceptMode mode() const noexcept { return mode_; }
  [[nodiscard]] std::uint32_t armed() const noexcept { return armed_; }
  [[nodiscard]] bool stopping() const noexcept { return stopping_; }
  // Listeners that are closed for want of room, not because of stop().
  [[nodiscard]] std::uint32_t closed() const noexcept;
  [[nodiscard]] const Listener& listener(std::uint32_t index) const { return listeners_[index]; }

 private:
  struct Accept {
    sockaddr_storage address{};
    socklen_t address_bytes = 0;
    bool armed = false;
    bool cancelled = false;  // while armed
  };
  struct Door {
    std::array<Accept, kArmed> accepts;
    std::uint32_t armed = 0;
    std::uint32_t cancelled = 0;  // of those armed
    bool open = false;
    bool was_full = false;  // at the last sweep
  };
  [[nodiscard]] bool keep_open(std::uint32_t index, std::uint32_t share, std::uint32_t room);
  [[nodiscard]] std::uint32_t share_of(std::uint32_t index, std::uint32_t room) const noexcept;
  void cancel_above(Ring* ring, std::uint32_t index, std::uint32_t share);
  void arm_one(Ring* ring, std::uint32_t index, std::uint32_t accept_index);

  std::span<Listener> listeners_;
  std::vector<Door> doors_;  // one for each listener; set up once, operations point into it
  std::uint32_t shard_ = 0;
  std::uint32_t max_ = 0;
  SendBounds bounds_;
  std::uint32_t armed_ = 0;  // of all doors
  AcceptMode mode_ = AcceptMode::kNone;
  bool stopping_ = false;
};

}  // namespace ringgate
