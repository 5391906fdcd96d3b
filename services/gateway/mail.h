// Messages between the shards of a gateway and its control thread, beside those of
// upstreams/upstream.h and control/links/link_mail.h.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "codec/retry_hint.h"
#include "codec/ws_upgrade.h"
#include "control/routing/catalogue.h"
#include "dataplane/connection.h"
#include "dataplane/mail.h"
#include "dataplane/shard.h"
#include "services/auth/token.h"
#include "services/gateway/log/told_mail.h"
#include "services/gateway/options.h"
#include "services/gateway/upstreams/upstream.h"

namespace ringgate {

// An instance gets no new requests of a shard, or gets them again: see parts/ejector.h.
enum class EjectReason : std::uint8_t { kSilent, kMute };
struct EjectedMail {
  std::uint32_t upstream;
  EjectReason reason;
  std::uint8_t ejected;  // 0: it is back
};
// Not refused: the login service had a fault, or did not answer.
struct LoginFailedMail {
  std::uint32_t account_crc;
  std::uint8_t text_bytes;
  std::array<char, 123> text;  // why, in a service's words
};

struct CatalogueMail {
  const Catalogue* catalogue;  // valid until a later version is acknowledged
};
struct CatalogueTakenMail {
  std::uint64_t version;
};

// What a reload may change on a shard: immutable, and kept until all shards have taken it.
struct GatewaySettings {
  std::uint64_t version = 0;
  GatewayOptions options;
  ShardLimits shard;
  std::vector<WsUpgradeOptions> upgrades;  // of each listener
  std::vector<TlsContext> tls;             // the same

  bool operator==(const GatewaySettings&) const = default;
};
struct ReconfigureMail {
  const GatewaySettings* settings;
};
struct SettingsTakenMail {
  std::uint64_t version;
};

// Text in mail. set() says whether it fits.
template <std::size_t kMaxBytes>
struct MailText {
  static_assert(kMaxBytes < 256);
  std::uint8_t bytes;
  std::array<char, kMaxBytes> text;

  [[nodiscard]] bool set(std::string_view value) noexcept {
    if (value.size() > kMaxBytes) return false;
    bytes = static_cast<std::uint8_t>(value.size());
    std::copy(value.begin(), value.end(), text.begin());
    return true;
  }
  [[nodiscard]] std::string_view view() const noexcept { return {text.data(), bytes}; }
};

// What clients are told that are to go: when to come again, and where to.
struct Farewell {
  std::uint32_t spread_ms;        // each comes again after a random time up to that
  MailText<kMaxRetryAtBytes> at;  // "host:port"; empty: where it was
};

inline constexpr std::uint64_t kDrainCredit = 1'000'000;  // for the end of one connection
struct DrainMail {
  std::uint64_t thousandths_per_second;  // of a connection, at least
  std::uint64_t credit_millionths;       // of a connection: shards of a slow pace take turns
  std::uint32_t spread_ms;               // all are told to go within that; 0: nobody is told
  Farewell farewell;
};

enum class EvacuateFirst : std::uint8_t { kNewest, kIdlest };
struct EvacuateMail {
  std::uint32_t number;   // of the evacuation
  std::uint32_t clients;  // so many of this shard are told to go; 0: no more are
  std::uint64_t thousandths_per_second;
  EvacuateFirst first;
  Farewell farewell;
};
struct EvacuatedMail {
  std::uint32_t number;
  std::uint32_t told;  // so far
  std::uint8_t has_ended;
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
  std::uint8_t fault = 0;       // status is SystemException
  std::uint8_t is_rollcall = 0;
  std::uint16_t status = 0;                       // the nearest that fits
  SlowConsumer when_slow = SlowConsumer::kClose;  // what becomes of it where its client is slow
  std::uint32_t command_crc = 0;                  // of a push that such a client may lose
  std::uint16_t command_index = 0;
  std::uint16_t own_command = 0;  // OwnCommands::number_of, of a push whose command is other
  std::uint32_t received_us = 0;  // Shard::now_us() where it came from the link
};

// A sign-out on its way to a link: the channel's id and its app follow.
struct SignoutHead {
  std::uint32_t upstream;
  std::uint32_t epoch;
  std::uint32_t channel_crc;
  std::uint16_t id_bytes;
  std::uint16_t app_bytes;
};

// What an operator asks of every shard. The answer carries the same question number.
enum class Inspection : std::uint8_t {
  kLinks,     // LinkRow of every upstream
  kChannels,  // as JSON objects with a comma between, as many as an answer holds
  kHeaviest,  // as JSON objects, too: see inspection/heaviest.h
  kKick,      // the same, and all of them are told that they are kicked out, and closed
  // As rows: recorder/rows.h.
  kChannel,   // the one of that id, also one that has just ended, with its events
  kList,      // those that are there, in an order
  kCloses,    // the last that have ended, the newest first
  kTrace,     // TracedHead, the channels of that account, and TracedEvents
  kRecorded,  // the same of what is recorded already: nothing is followed from then on
};

// What comes first in a list. Equals are in the order of shard and number.
enum class ListOrder : std::uint8_t { kQueued, kAge, kSent, kIdle, kOutstanding, kEnd };
// Where a list goes on: behind that one.
struct ListPlace {
  std::uint64_t key = UINT64_MAX;
  std::uint32_t shard = 0;
  // Among equals of that shard: the slot; of kCloses the number of the close, for which see
  // place_of_close() in inspection/inspector_rows.cc.
  std::uint32_t number = 0;
};

// Which channels are meant: what is empty does not matter, and something is not.
struct ChannelFilter {
  MailText<kMaxAccountBytes> account;
  MailText<kMaxAppBytes> app;
  MailText<255> channel;
};
struct InspectMail {
  std::uint32_t question;
  Inspection inspection;
  ChannelFilter filter;  // not of kLinks
  ListOrder order;       // of kList
  std::uint32_t limit;   // rows of kList and kCloses
  std::uint32_t epoch;   // of the trace that is known; 0: none is
  ListPlace after;       // of kList and kCloses, whose key is the time; of kTrace, its key: events
};
struct InspectedHead {  // LinkRows or text follow
  std::uint32_t question;
  std::uint32_t more;      // 1: there were more rows than an answer holds
  std::uint32_t channels;  // all that were meant; all were kicked, if that was asked
};
struct LinkRow {
  std::uint32_t upstream;
  std::uint32_t outstanding;
  std::uint32_t queued_bytes;  // 0 unless the link is at home on that shard
  std::uint32_t ejected;       // 1: that shard sends it nothing new; the sum over shards
};

struct TracedHead {
  std::uint64_t next;    // its events up to here are known now
  std::uint64_t missed;  // those that were asked for and are not kept any more
  std::uint32_t epoch;   // 0: too many traces are under way, and this is none
  std::uint32_t channels;
  std::uint32_t events;           // behind them
  std::uint32_t untold_channels;  // of the account, for which there is no place
  std::uint32_t untold_closes;    // before those that it has
  std::uint8_t is_off;            // 1: nothing is recorded here
};

// --- The kinds ----------------------------------------------------------------------------------

inline constexpr MailRange kGatewayMail = kUpstreamMail.next(24);
inline constexpr MailOf<CatalogueMail> kMailCatalogue{kGatewayMail[0]};            // to shards
inline constexpr MailOf<CatalogueTakenMail> kMailCatalogueTaken{kGatewayMail[1]};  // and back
inline constexpr MailWith<DeliveryHead> kMailDeliver{kGatewayMail[2]};             // shard to shard
inline constexpr MailOf<DrainMail> kMailDrain{kGatewayMail[3]};                    // to shards
inline constexpr MailOf<NothingMore> kMailDrained{kGatewayMail[4]};                // and back
inline constexpr MailWith<ToldHead> kMailTold{kGatewayMail[5]};      // to control, may be lost
inline constexpr MailOf<InspectMail> kMailInspect{kGatewayMail[6]};  // to shards
inline constexpr MailWith<InspectedHead> kMailInspected{kGatewayMail[7]};    // and back
inline constexpr MailOf<ReconfigureMail> kMailReconfigure{kGatewayMail[8]};  // to shards
inline constexpr MailWith<SignoutHead> kMailSignout{kGatewayMail[9]};        // shard to home shard
inline constexpr MailOf<SettingsTakenMail> kMailSettingsTaken{kGatewayMail[12]};  // to control
inline constexpr MailOf<EjectedMail> kMailEjected{kGatewayMail[10]};              // to control
inline constexpr MailOf<LoginFailedMail> kMailLoginFailed{kGatewayMail[11]};      // may be lost
// To shards: no channel of this boot is there any more; and back: services know, as far as they
// can.
inline constexpr MailOf<NothingMore> kMailEndBoot{kGatewayMail[13]};
inline constexpr MailOf<NothingMore> kMailBootEnded{kGatewayMail[14]};
// To control: it drains, and nobody comes in any more.
inline constexpr MailOf<NothingMore> kMailNotAccepting{kGatewayMail[15]};
inline constexpr MailOf<EvacuateMail> kMailEvacuate{kGatewayMail[16]};    // to shards
inline constexpr MailOf<EvacuatedMail> kMailEvacuated{kGatewayMail[17]};  // and back
static_assert(are_distinct({kMailEvacuate, kMailEvacuated, kMailNotAccepting, kMailEndBoot,
                            kMailBootEnded, kMailCatalogue, kMailCatalogueTaken, kMailDeliver,
                            kMailDrain, kMailDrained, kMailTold, kMailInspect, kMailInspected,
                            kMailReconfigure, kMailSignout, kMailSettingsTaken, kMailEjected,
                            kMailLoginFailed}));
static_assert(are_apart({kShardMail, kLinkMail, kUpstreamMail, kGatewayMail}));

}  // namespace ringgate
