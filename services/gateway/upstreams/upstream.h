// The services a shard can forward to, as this shard sees them: where each one's link is, and which
// requests to it have no answer yet.
//
// One identity per gateway process means one link per service instance (or one per shard, a lane).
// A link lives on the ring of its home shard; the others hand their packets to that shard through
// the mailbox. Both ways are one function here: forward().
//
// Owned by the handler of one shard, on its thread. An Upstream stays where it is until retire().
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "control/links/link_mail.h"
#include "dataplane/shard.h"
#include "services/gateway/upstreams/instance_counters.h"
#include "services/gateway/upstreams/outstanding.h"

namespace ringgate {

struct Upstream {
  Upstream(std::uint32_t upstream_id, std::uint32_t max_outstanding, InstanceCounters::Row& row)
      : id(upstream_id), counted(&row), outstanding(max_outstanding) {}

  std::uint32_t id;
  InstanceCounters::Row* counted;
  bool up = false;             // a link is there: requests may be sent
  std::uint32_t home = 0;      // the shard whose link this one uses
  std::uint32_t epoch = 0;     // counts the links: tells mail for a dead one
  Connection* link = nullptr;  // when home is here
  // Payload of a frame; what the service says itself, if that is less than our own bound.
  std::size_t max_frame_bytes = SIZE_MAX;
  bool may_be_pinged = false;  // also while it answers requests
  bool takes_roll_calls = false;
  bool roll_known = false;       // it has answered a roll call
  std::uint64_t roll_epoch = 0;  // with this: see parts/roll_call.h
  bool beats_again = false;  // before the next beat, at `beat_at_ms`: it did not take the last one
  std::uint32_t beat_at_ms = 0;
  std::uint32_t beats_failed = 0;  // in a row
  bool draining = false;           // no new requests; reported when `outstanding` is empty
  bool reported_drained = false;

  // Does it answer? New requests go to others while it does not: see
  // services/gateway/parts/ejector.h.
  bool silent = false;  // its link says nothing although it was asked; its home shard judges
  bool mute = false;    // its link is alive, but the requests of this shard time out
  [[nodiscard]] bool ejected() const noexcept { return silent || mute; }

  // With a link here: it was asked at `asked_ms`, and no packet has come since.
  bool asked = false;
  bool pinged = false;
  std::uint32_t asked_ms = 0;
  std::uint32_t last_asked_ms = 0;  // also since
  std::uint32_t pinged_ms = 0;
  // Requests of this shard that were given up since it answered one last; 0: never.
  std::uint32_t given_up = 0;
  std::uint32_t answered_ms = 0;
  std::uint32_t mute_until_ms = 0;  // then it is tried again
  std::uint32_t mute_for_ms = 0;    // longer each time
  OutstandingTable outstanding;
};

// What `Connection::user()` of a link is; memory of the shard's pool.
struct LinkState {
  Upstream* upstream;  // null when the upstream was retired before its link closed
  std::uint32_t upstream_id;
  std::uint32_t lane;
  std::uint32_t epoch;
  // To other shards, in that window: HeldLinks.
  std::uint32_t mail_window = 0;
  std::size_t mailed_bytes = 0;
};

// --- Mail between the shards of a gateway, beside control/links/link_mail.h ----------------------

struct ToLinkHead {  // the frame follows
  std::uint32_t upstream;
  std::uint32_t epoch;
  std::uint32_t login;
  std::uint32_t sequence;
};
struct LinkSilent {
  std::uint32_t upstream;
  std::uint32_t silent;  // 0: it is heard again
};

inline constexpr MailRange kUpstreamMail = kLinkMail.next(8);
// Shard to home shard: a frame. And back: its queue was full.
inline constexpr MailWith<ToLinkHead> kMailToLink{kUpstreamMail[0]};
inline constexpr MailOf<ToLinkHead> kMailRefused{kUpstreamMail[1]};
// Home shard to all.
inline constexpr MailOf<LinkEvent> kMailLinkUp{kUpstreamMail[2]};
inline constexpr MailOf<LinkEvent> kMailLinkDown{kUpstreamMail[3]};
inline constexpr MailOf<LinkSilent> kMailLinkSilent{kUpstreamMail[4]};
static_assert(are_distinct({kMailToLink, kMailRefused, kMailLinkUp, kMailLinkDown,
                            kMailLinkSilent}));

// What a look at a link has found.
enum class LinkNews : std::uint8_t { kNone, kSilent, kHeard };

enum class SendStatus : std::uint8_t {
  kOk,
  kDown,
  kQueueFull,
  kMailboxFull,
  kOutstandingFull,
  kTooLong,  // the service would close the link over it
};

class Upstreams {
 public:
  // All of them outlive it.
  Upstreams(Shard& shard, std::uint32_t max_outstanding, std::uint32_t heartbeat_ms,
            InstanceCounters& counts)
      : shard_(shard),
        max_outstanding_(max_outstanding),
        heartbeat_ms_(heartbeat_ms),
        counts_(counts) {}

  [[nodiscard]] Upstream* find(std::uint32_t id);
  Upstream& open(std::uint32_t id);  // finds or makes it

  // The fast path of forwarding, behind the header's scan: appends the client's header, the
  // connection's suffix and the body to the link's queue. Protobuf has no part in it.
  [[nodiscard]] SendStatus forward(Upstream& upstream, const OutstandingRequest& request,
                                   ByteView header, ByteView suffix, ByteView tail);

  // A link has come from control. `broadcast`: it serves all shards, not just this one.
  void link_opened(Connection& connection, const AdoptedFor& what, bool broadcast);
  // A link of this shard is closing; frees its state. Requests that hang on it are the caller's to
  // fail: the upstream whose link it was, or null.
  Upstream* link_closed(Connection& connection, CloseReason reason);
  // A link's deadline: pings if nothing was sent for heartbeat_ms, and sets the next. Only the
  // dialler pings.
  void send_heartbeat(Connection& connection);

  // For an upstream with a link here, about every sweep. One that was asked and has said nothing
  // for half of `after_ms` is pinged; if it does not answer that in the other half either, it is
  // silent until it says anything. One that must not be pinged while it may be answering has twice
  // `after_ms` instead; when it is heard again, an answer that was due or the heartbeat's pong
  // tells. 0: nobody is silent.
  [[nodiscard]] LinkNews look(Upstream& upstream, std::uint32_t after_ms);

  // Mail. link_down returns the upstream whose requests are to be failed, or null.
  void take_link_up(std::uint32_t from, const LinkEvent& event);
  Upstream* take_link_down(const LinkEvent& event);
  void take_to_link(std::uint32_t from, ByteView message);
  // Control wants the upstream gone: closes its link, forgets it.
  void retire(std::uint32_t id);

  template <class Use>
  void for_each(Use&& use) {
    for (auto& [id, upstream] : upstreams_) use(*upstream);
  }

 private:
  // Room for a frame of `bytes` to the service; the request becomes outstanding. Null: `status`
  // says why.
  [[nodiscard]] std::uint8_t* reserve(Upstream& upstream, std::size_t bytes,
                                      const OutstandingRequest& request, SendStatus& status);
  void ping(Connection& connection);
  void note_asked(Upstream& upstream) noexcept;

  Shard& shard_;
  std::uint32_t max_outstanding_;
  std::uint32_t heartbeat_ms_;
  InstanceCounters& counts_;
  // Looked up by id only for mail; packets find their upstream by pointer.
  std::unordered_map<std::uint32_t, std::unique_ptr<Upstream>> upstreams_;
};

}  // namespace ringgate
