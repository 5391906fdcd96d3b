// What only a gateway counts, and why it ends connections.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/names.h"
#include "services/process/packet_counters.h"

namespace ringgate {

enum class GatewayCounter : std::uint8_t {
  kPacketsIn,
  kPacketsOut,
  kLogins,
  kLoginsRefused,
  kLoginBodiesRefused,
  kLoginsFailed,
  kLoginsTooOften,
  kAddressTooOften,
  kLoginRateReached,
  kAddressesRefused,
  kCrowdedOut,
  kMemoryFull,
  kForwarded,
  kForwardedSlow,
  kForwardFailed,
  kForwardFailedBytes,     // bound: bytes queued to a link
  kOutstandingFull,        // bound: requests without an answer
  kClientOutstandingFull,  // bound: of these, of one client
  kLinkFrameTooLong,       // bound: a frame on a link
  kAnswered,
  kAnswerTimeouts,
  kAnswerLate,
  kAnswersFailedByLink,
  kPushesIn,
  kPushesSlow,
  kPushesSliced,
  kSlicesPaused,
  kLinksHeld,
  kPushesDropped,
  kDelivered,
  kPushToGoneChannel,
  kPushNotForUs,
  kLinkPacketMalformed,
  kSignouts,
  kSignoutsDropped,
  kSignoutsRepeated,
  kSignoutsNotRepeated,  // bound: those without a confirmation
  kRollCallSaid,
  kRollCallTaken,
  kRollCallFailed,
  kRollCallRounds,
  kRollCallLost,
  kRefusedCommands,
  kNoService,
  kZoneFallback,
  kEjections,
  kEventsNotRecorded,  // bound: channels whose events are kept
  kEnd,
};
template <>
inline constexpr auto kNamesOf<GatewayCounter> = std::to_array<CounterName>({
    kPacketsInName,
    kPacketsOutName,
    {"logins_total", "logins answered with success"},
    {"logins_refused_total", "logins refused, here or by the login service"},
    {"login_bodies_refused_total",
     "of these, before the token was looked at: too long, too many tags, or no LoginReq"},
    {"logins_failed_total", "logins that a fault of the login service, or its silence, ended"},
    {"logins_too_often_total",
     "logins above LoginsPerAccount; they were answered 300, unless LimitsDryRun says to count "
     "them "
     "only"},
    {"logins_from_address_too_often_total",
     "logins above LoginsPerAddress; they were answered 300, unless LimitsDryRun says to count "
     "them "
     "only"},
    {"login_rate_reached_total",
     "logins above LoginRate; they were answered 300, unless LimitsDryRun says to count them only"},
    {"addresses_refused_total",
     "connections and logins from RefusedAddresses; they were closed, unless LimitsDryRun says to "
     "count them only"},
    {"crowded_out_total",
     "connections that had not logged in and were closed to keep places free (LoginReserve), or "
     "would have been"},
    {"memory_full_total",
     "clients that were closed, or not let in, because MaxMemory was nearly used up, or would have "
     "been"},
    {"forwarded_total", "packets forwarded to services"},
    {"forwarded_slow_total", "of these, packets whose header protobuf itself had to rewrite"},
    {"forward_failed_total", "packets answered with 300 because they could not be forwarded"},
    {"link_queue_full_total", "of these, because the bytes queued to the link reached the bound"},
    {"outstanding_full_total", "of these, because the table of outstanding requests was full"},
    {"client_outstanding_full_total",
     "requests of clients that had MaxClientOutstanding without an answer; they were answered 300, "
     "unless LimitsDryRun says to count them only"},
    kLinkFrameTooLongName,
    {"answered_total", "requests answered by a service"},
    {"answer_timeouts_total", "requests answered with 300 because no answer came in time"},
    {"answers_late_total", "answers dropped because their request had already been answered"},
    {"answers_failed_by_link_total", "requests answered with 300 because their link broke"},
    {"pushes_in_total", "packets received from services"},
    {"pushes_slow_total", "of these, packets whose header protobuf itself had to rewrite"},
    {"pushes_sliced_total",
     "pushes to so many channels of a shard, or beside so many others, that they were worked off "
     "in "
     "slices, and those that waited behind one"},
    {"push_slices_paused_total",
     "slices of pushes that waited until sends of earlier ones had ended, or for 10 ms"},
    {"links_held_total",
     "times reading from a link paused because its pushes waited for their slices, or other shards "
     "had not read what it had for them"},
    {"pushes_dropped_total",
     "pushes that were dropped because their client did not take them in time, as SlowConsumer "
     "says, or went before it had"},
    {"delivered_total", "deliveries to channels"},
    {"push_to_gone_channel_total", "deliveries dropped because the channel is gone"},
    {"push_to_other_gateway_total",
     "packets dropped because they are addressed to another gateway"},
    kLinkPacketMalformedName,
    {"signouts_total", "sign-outs forwarded"},
    {"signouts_dropped_total", "sign-outs given up: none could be forwarded in time, or too many"},
    {"signouts_repeated_total",
     "sign-outs said again: the login service had not confirmed them, or pushed to the channel"},
    {"signouts_not_repeated_total",
     "sign-outs that are said only once, as too many wait for their confirmation"},
    {"rollcall_channels_total", "channels told to services as present"},
    {"rollcall_taken_total", "parts of a roll call that a service has taken"},
    {"rollcall_failed_total", "parts of a roll call that a service did not take in time"},
    {"rollcall_rounds_total", "roll calls of all channels, begun"},
    {"rollcall_lost_total", "channels closed because their account is on another one"},
    {"refused_commands_total", "packets answered with 103"},
    {"no_service_total", "packets for which no connected service was found"},
    {"zone_fallback_total", "packets that left their zone because it has no connected service"},
    {"ejections_total", "times a shard left out an instance because it did not answer"},
    {"events_not_recorded_total",
     "events of channels that the flight recorder did not keep, as it has RecordedChannels "
     "already"},
});

enum class GatewayGauge : std::uint8_t {
  kChannels,  // logged-in clients
  kWebSocketChannels,
  kOutstanding,
  kSignoutsWaiting,
  kRecordedChannels,
  kFanOutBytes,
  kHeldPushBytes,
  kEnd,
};
template <>
inline constexpr auto kNamesOf<GatewayGauge> = std::to_array<GaugeName>({
    {"channels", "logged-in client connections"},
    {"websocket_channels", "of the logged-in client connections, those over WebSocket"},
    {"outstanding", "requests without an answer yet"},
    {"signouts_waiting", "sign-outs waiting for a login service"},
    {"recorded_channels",
     "channels whose last events are kept; those that ended in the last minute are among them"},
    {"push_waiting_bytes", "memory of pushes to many channels that wait for their slices"},
    {"push_held_bytes",
     "bytes of pushes that wait for slow clients (bound: half of MaxQueuedBytes for each, or one "
     "push); memory that several share counts for each"},
});

enum class GatewayClose : std::uint8_t {
  kBadPacket,
  kHeaderTooLong,
  kTooManyMetas,
  kNotALogin,
  kLoginTimeout,
  kLoginRefused,
  kLoginAnswerTimeout,  // the login service said nothing; kLoginTimeout: the client did not
  kNoLoginService,
  kTokenExpired,
  kKickedOut,
  kKickedByOperator,
  kEvacuated,    // an operator wants fewer clients here
  kLinkRemoved,  // control no longer wants the link
  kLoginsTooOften,
  kCrowdedOut,  // places were few, and it had not logged in
  kAddressRefused,
  kMemoryFull,  // MaxMemory: it had not logged in, or much waited for it, or it came too late
  kEnd,
};
template <>
inline constexpr auto kNamesOf<GatewayClose> = std::to_array<CloseName>({
    {"bad_packet", WsCloseCode::kInvalidPayload},
    {"header_too_long", WsCloseCode::kTooBig},
    {"too_many_metas"},
    {"not_a_login"},
    {"login_timeout"},
    {"login_refused"},
    {"login_answer_timeout", WsCloseCode::kTryAgainLater},
    {"no_login_service", WsCloseCode::kTryAgainLater},
    {"token_expired"},
    {"kicked_out"},
    {"kicked_by_operator"},
    {"evacuated", WsCloseCode::kGoingAway},
    {"link_removed"},
    {"logins_too_often", WsCloseCode::kTryAgainLater},
    {"crowded_out"},
    {"address_refused"},
    {"memory_full", WsCloseCode::kTryAgainLater},
});

enum class GatewayDistribution : std::uint8_t {
  kLogin,
  kPush,
  kPushReceivers,
  kPushWritten,
  kEnd,
};
template <>
inline constexpr auto kNamesOf<GatewayDistribution> = std::to_array<HistogramName>({
    {"login_seconds", "successful logins, from reading the client's packet to reading the answer",
     HistogramUnit::kSeconds},
    {"push_seconds",
     "packets of services, from reading them to their last receiver's queue on a shard",
     HistogramUnit::kSeconds},
    {"push_receivers", "channels that a packet of a service is for", HistogramUnit::kNumber},
    {"push_written_seconds",
     "from the first push in a client's queue until the socket had taken all of the queue; of "
     "clients that the flight recorder keeps",
     HistogramUnit::kSeconds},
});

inline constexpr HandlerNames kGatewayNames{names_of<GatewayCounter>(), names_of<GatewayGauge>(),
                                            names_of<GatewayClose>(),
                                            names_of<GatewayDistribution>()};

}  // namespace ringgate
