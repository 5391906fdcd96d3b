// Telling services that take roll calls (meta roll_call=1) that this gateway lives, and who is
// there:
//
//   beat    every RollCallBeat, to each of them: the boot lives. When it is gone, so are its
//           channels. Who does not take one gets another soon, with pauses that grow.
//   round   every channel once: in RollCallEvery, so that its session does not end; at once, and as
//           fast as they are taken, when a service answers with another epoch than before: it may
//           have lost what it knew. Where some part of a round is not taken, because a server of
//           the store is away, say, there is another soon, with pauses that grow, too.
//
// A channel goes to the service that its login went to. One that is found elsewhere twice is closed
// as if the kick-out had come that was lost; the first time may be a login that is being undone.
//
// One per shard, on its thread.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "codec/pkt.pb.h"
#include "services/gateway/channel.h"
#include "services/gateway/parts/context.h"
#include "services/gateway/parts/pushes/delivery.h"

namespace ringgate {

class RollCall {
 public:
  explicit RollCall(GatewayContext& context);

  void on_tick();
  // A link is up: its service is told first of all that we live.
  void beat_now();
  // The answer of a service.
  void take(const Delivery& delivery);
  // Some part that names channels has no answer yet: its service may still act on it, also after a
  // sign-out that came behind it.
  [[nodiscard]] bool is_telling() const noexcept;
  // The last word: the boot has ended. Control is told when it is said, and answered.
  void end_boot();

 private:
  struct Said {
    std::uint32_t upstream;
    std::uint32_t at_ms;
    bool channels;  // not only that we live
  };
  struct Batch {
    std::string text;
    std::uint32_t channels = 0;
  };

  void beat();
  void beat_to(Upstream& upstream);
  void beat_again();
  void not_taken(Upstream* upstream, bool channels);
  bool say(Upstream& upstream, std::string_view body, std::uint32_t channels);
  void begin();
  void expire();
  void go_on();
  [[nodiscard]] std::uint32_t budget();
  void add(Connection& connection, const Channel& channel);
  void flush(std::uint32_t upstream, Batch& batch);
  void round_again();
  void round_within(std::uint32_t ms);
  void lost(std::string_view channel_id);
  void kick(Connection& connection, Channel& channel);
  void tell_if_ended();

  GatewayContext& context_;
  std::string id_;  // stands for this shard where a channel would
  std::uint32_t next_number_ = 1;
  absl::flat_hash_map<std::uint32_t, Said> said_;      // without an answer; by number
  absl::flat_hash_map<std::uint32_t, Batch> batches_;  // by upstream; kept for their memory
  std::uint32_t beat_at_ms_;
  bool beats_again_ = false;   // to somebody
  std::uint32_t round_at_ms_;  // when the next begins
  bool in_round_ = false;
  bool fast_ = false;                // that round
  bool fast_next_ = false;           // the next one
  bool round_failed_ = false;        // some part of the last one that began
  std::uint32_t rounds_failed_ = 0;  // one after the other
  std::uint32_t slot_ = 0;           // the round's next
  std::uint64_t credit_ = 0;         // slots that a slow round may look at, times RollCallEvery
  bool ending_ = false;
  bool told_ = false;
  pkt::RollCallResp answer_;  // scratch
};

}  // namespace ringgate
