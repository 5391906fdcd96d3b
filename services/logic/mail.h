// The kinds of mail within a logic service's group of threads.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/close_reason.h"
#include "dataplane/mail.h"
#include "dataplane/peer_address.h"
#include "services/store/mail_kinds.h"

namespace ringgate {

// Between its shards. Those of its stores are in store/mail_kinds.h.
struct LinkMail {  // the gateway's id follows
  std::uint64_t claimed_ns;
  std::uint32_t lane;
  std::uint32_t unused;
};
struct ToGatewayHead {  // the gateway's id and a framed packet follow
  std::uint32_t id_bytes;
};

// Shards to control; may be lost, there are more like it. Both texts are cut to what fits.
struct HandlerFailedMail {
  std::uint8_t command_bytes;
  std::uint8_t what_bytes;
  std::array<char, 62> command;
  std::array<char, 128> what;  // of a std::exception
};

// The same: a link of a gateway was closed, as a newer one has its place. The gateway's id follows.
struct LinkReplacedMail {
  PeerAddress peer;  // of the one that was closed
  std::uint32_t lane;
};

// The same: TLS failed on a connection that a listener took.
struct TlsFailedMail {
  std::uint32_t left_out;  // others before it that were not told
  std::uint32_t slot;      // with `generation` and the shard: which connection
  std::uint32_t generation;
  PeerAddress peer;
  CloseReason reason;
  std::uint8_t empty;  // nothing is told but what was left out
};

inline constexpr MailRange kLogicMail = kOwnStoreMail.next(16);
inline constexpr MailWith<LinkMail> kMailLinkClaimed{kLogicMail[0]};
inline constexpr MailWith<LinkMail> kMailLinkGone{kLogicMail[1]};
inline constexpr MailWith<ToGatewayHead> kMailToGateway{kLogicMail[2]};
inline constexpr MailOf<HandlerFailedMail> kMailHandlerFailed{kLogicMail[3]};
inline constexpr MailWith<LinkReplacedMail> kMailLinkReplaced{kLogicMail[4]};
inline constexpr MailOf<TlsFailedMail> kMailTlsFailed{kLogicMail[5]};
static_assert(are_distinct({kMailLinkClaimed, kMailLinkGone, kMailToGateway, kMailHandlerFailed,
                            kMailLinkReplaced, kMailTlsFailed}));
static_assert(are_apart({kShardMail, kStoreMail, kOwnStoreMail, kLogicMail}));

}  // namespace ringgate
