// Telling the login service of channels that ended: once each, as soon as a login service is
// connected; kept for a while and up to a bound. One to a service that takes roll calls is said
// again until that has confirmed it.
//
// One per shard, on its thread. A channel is named by its id, and by its app: a sign-out takes the
// way that its sign-in took. The app is nowhere in the packet, so it travels beside it wherever a
// sign-out waits or crosses to the shard where a link is at home (kMailSignout).
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "services/gateway/channel.h"
#include "services/gateway/parts/context.h"

namespace ringgate {

class Signouts {
 public:
  explicit Signouts(GatewayContext& context) : context_(context) {}

  // The channel has ended, and is this one's from now on. Where requests of it are under way its
  // sign-out waits for their answers, for LoginAnswerTimeout at most.
  void sign_out(Channel& channel);
  // A service that takes roll calls pushes to a channel of ours that is not there. By login, as
  // below.
  void gone(std::string_view channel_id, std::uint32_t login);
  // The answer to a sign-out.
  void confirmed(std::uint32_t login, bool success);
  // A request has its answer whose channel is not there any more.
  void answered(std::uint32_t login);

  // Of another shard, for a link that is at home here: kMailSignout.
  void take(ByteView message);
  // There may be a login service now.
  void retry();
  void on_tick();

  // Neither for an answer, nor for a login service, nor for its confirmation.
  [[nodiscard]] bool none_waits() const noexcept {
    return waiting_.empty() && ended_early_.empty() && unconfirmed_.empty();
  }

 private:
  struct Ended {
    std::string_view id;
    std::string_view app;
    std::uint32_t crc;
  };
  struct Waiting {
    std::string id;
    std::string app;
    std::uint32_t crc;
    std::uint32_t since_ms;
  };
  struct EndedEarly {
    std::uint32_t login;
    std::uint32_t since_ms;
  };
  struct Repeat {
    std::uint32_t login;
    std::uint32_t since_ms;
  };
  void say(const Channel& channel);
  void expect_confirmation(std::uint32_t login, const Ended& channel);
  void repeat();
  void end_early(std::uint32_t login);
  void expire_ended_early();
  [[nodiscard]] bool forward(const Ended& channel);
  [[nodiscard]] bool append(const Upstream& upstream, const Ended& channel);
  [[nodiscard]] bool mail(const Upstream& upstream, const Ended& channel);
  void wait(const Ended& channel);

  GatewayContext& context_;
  std::deque<Waiting> waiting_;                               // for a login service, oldest first
  absl::flat_hash_map<std::uint32_t, Channel*> ended_early_;  // by login
  std::deque<EndedEarly> ended_early_order_;                  // also of some that are gone
  absl::flat_hash_map<std::uint32_t, Waiting> unconfirmed_;   // said; by login
  std::deque<Repeat> repeats_;                                // also of some that are confirmed
  std::string body_;                                          // scratch
};

}  // namespace ringgate
