// Pushes that wait for clients that take them more slowly than they come, of commands of which some
// may be lost (SlowConsumer: drop_oldest or newest_only). They come into the connection's queue
// when that is empty, in the order in which they came; the first behind those that were dropped
// tells how many (codec/dropped_meta.h).
//
// One per shard, on its thread. The memory is of the shard's pool; what waits for one client, its
// bookkeeping among it, is at most half of MaxQueuedBytes, or one push.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>

#include "services/gateway/channel.h"
#include "services/gateway/parts/pushes/delivery.h"

namespace ringgate {

class HeldPushes {
 public:
  explicit HeldPushes(GatewayContext& context) : context_(context), pool_(context.shard.pool()) {}
  HeldPushes(const HeldPushes&) = delete;
  HeldPushes& operator=(const HeldPushes&) = delete;
  ~HeldPushes();

  // Whether it waits here now. Else it is to be put into the connection's queue.
  [[nodiscard]] bool take(Connection& connection, Channel& channel, const Delivery& delivery);
  // The connection's queue is empty: whether something came into it. The connection may have ended
  // by that, and the channel with it.
  bool release(Connection& connection, Channel& channel);
  // All of them at once, as far as there is room in the queues, the oldest are dropped: what
  // becomes of those that come from now on has changed, and they are not to overtake these.
  void release_all();
  // What waits for it is dropped.
  void ended(const Connection& connection);

 private:
  struct Push;
  struct Held {
    Push* first = nullptr;
    Push* last = nullptr;
    std::size_t bytes = 0;
    std::uint32_t dropped = 0;  // and not told yet: perhaps with none that waits
  };

  [[nodiscard]] std::size_t most_bytes() const noexcept;
  [[nodiscard]] Push* make(const Delivery& delivery);
  void add(Held& held, Push* push) noexcept;
  // Null: there is none of that command. Else it is out of the list.
  [[nodiscard]] static Push* take_of_command(Held& held, std::uint32_t command_crc) noexcept;
  [[nodiscard]] static Push* take_first(Held& held) noexcept;
  void drop(Held& held, Channel& channel, Push* push);
  void drop_what_has_no_room(const Connection& connection, Channel& channel, Held& held);
  void write(Connection& connection, const Push& push, std::uint32_t dropped);
  void free(Push* push) noexcept;
  void count_bytes(std::size_t before, std::size_t now) noexcept;

  GatewayContext& context_;
  BlockPool& pool_;
  absl::flat_hash_map<std::uint32_t, Held> held_;  // by slot: few
  std::size_t bytes_ = 0;                          // of all of them
};

}  // namespace ringgate
