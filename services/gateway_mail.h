// Messages between the shards of a gateway and its control thread, beside those of
// dataplane/upstream.h.
#pragma once

#include <array>
#include <cstdint>

#include "control/catalogue.h"
#include "dataplane/connection.h"
#include "dataplane/mailbox.h"
#include "dataplane/shard.h"

namespace ringgate {

inline constexpr MailKind kMailCatalogue = kMailHandler + 16;       // control to shards
inline constexpr MailKind kMailCatalogueTaken = kMailHandler + 17;  // and back
inline constexpr MailKind kMailDeliver = kMailHandler + 18;         // shard to shard
inline constexpr MailKind kMailDrain = kMailHandler + 19;           // control to shards
inline constexpr MailKind kMailDrained = kMailHandler + 20;         // and back
inline constexpr MailKind kMailLogClose = kMailHandler + 21;        // shard to control, may be lost

struct CatalogueMail {
  const Catalogue* catalogue;  // valid until a later version is acknowledged
};
struct CatalogueTakenMail {
  std::uint64_t version;
};

struct DrainMail {
  std::uint32_t connections_per_second;
};

// What a delivery is, as its header said it. In mail, `channels_bytes` of comma-joined channel ids
// follow, then `header_bytes` of header, then the packet's tail.
struct DeliveryHead {
  std::uint32_t upstream = 0;
  std::uint32_t sequence = 0;
  std::uint32_t channels_bytes = 0;
  std::uint32_t header_bytes = 0;
  std::uint8_t flag = 0;
  std::uint8_t is_signin = 0;   // command is login.signin: an answer to a login, or a kick-out
  std::uint8_t is_signout = 0;  // command is login.signout: the channel is expected to be gone
  std::uint8_t success = 0;     // status is Success
  std::uint32_t command_index = 0;
};

struct LogCloseMail {
  CloseReason reason;
  std::uint8_t account_bytes;
  std::array<char, 128> account;
  PeerAddress peer;
};

}  // namespace ringgate
