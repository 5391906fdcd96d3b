// Messages between the shards of a gateway and its control thread, beside those of
// dataplane/upstream.h.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "codec/ws_upgrade.h"
#include "control/catalogue.h"
#include "dataplane/connection.h"
#include "dataplane/mailbox.h"
#include "dataplane/shard.h"
#include "services/gateway_options.h"

namespace ringgate {

inline constexpr MailKind kMailCatalogue = kMailHandler + 16;       // control to shards
inline constexpr MailKind kMailCatalogueTaken = kMailHandler + 17;  // and back
inline constexpr MailKind kMailDeliver = kMailHandler + 18;         // shard to shard
inline constexpr MailKind kMailDrain = kMailHandler + 19;           // control to shards
inline constexpr MailKind kMailDrained = kMailHandler + 20;         // and back
inline constexpr MailKind kMailLogClose = kMailHandler + 21;        // shard to control, may be lost

inline constexpr MailKind kMailInspect = kMailHandler + 22;      // control to shards
inline constexpr MailKind kMailInspected = kMailHandler + 23;    // and back
inline constexpr MailKind kMailReconfigure = kMailHandler + 24;  // control to shards

struct CatalogueMail {
  const Catalogue* catalogue;  // valid until a later version is acknowledged
};
struct CatalogueTakenMail {
  std::uint64_t version;
};

// What a reload may change on a shard, immutable and kept until the shards have ended.
struct GatewaySettings {
  GatewayOptions options;
  ShardOptions shard;
  std::vector<WsUpgradeOptions> upgrades;  // of each listener
};
struct ReconfigureMail {
  const GatewaySettings* settings;
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

// What an operator asks of every shard. The answer carries the same question number.
enum class Inspection : std::uint8_t {
  kLinks,     // LinkRow of every upstream
  kChannels,  // of an account, as JSON objects with a comma between
  kKick,      // the same, and they are told that they are kicked out, and closed
};
struct InspectMail {
  std::uint32_t question;
  Inspection inspection;
  std::uint8_t account_bytes;
  std::array<char, 128> account;
};
struct InspectedHead {  // LinkRows or text follow
  std::uint32_t question;
  std::uint32_t more;  // 1: there were more rows than an answer holds
};
struct LinkRow {
  std::uint32_t upstream;
  std::uint32_t outstanding;
  std::uint32_t queued_bytes;  // 0 unless the link is at home on that shard
};

struct LogCloseMail {
  CloseReason reason;
  std::uint8_t account_bytes;
  std::array<char, 128> account;
  PeerAddress peer;
};

}  // namespace ringgate
