// The mail that a shard itself takes, whatever its handler is.
#pragma once

#include <cstdint>

#include "dataplane/handler.h"
#include "dataplane/mail.h"
#include "dataplane/peer_address.h"
#include "dataplane/tls_context.h"
#include "dataplane/tls_handover.h"

namespace ringgate {

struct AdoptMail {
  std::int32_t fd;
  std::uint32_t accepted;  // 1: on_accept is called, 0: on_adopt
  PeerAddress peer;
  AdoptedFor what;
  std::uint32_t listener = 0;       // that it was accepted by
  TlsHandover* handover = nullptr;  // owned; null: its bytes are plain, or begin with a handshake
};

inline constexpr MailRange kShardMail{1, 63};
inline constexpr MailOf<NothingMore> kMailStop{kShardMail[0]};
inline constexpr MailOf<AdoptMail> kMailAdopt{kShardMail[1]};
inline constexpr MailOf<NothingMore> kMailAccept{kShardMail[2]};
inline constexpr MailOf<TlsContextsMail> kMailTlsContexts{kShardMail[3]};
static_assert(are_distinct({kMailStop, kMailAdopt, kMailAccept, kMailTlsContexts}));
inline constexpr MailKind kMailHandler = kShardMail.first + kShardMail.count;  // of handlers

}  // namespace ringgate
