// Threads, bounds and times: the second part of the table of keys.
#include <array>

#include "codec/login_scan.h"
#include "codec/ws_upgrade.h"
#include "control/config/key_rows.h"
#include "control/discovery/instance.h"

namespace ringgate {
namespace {

using namespace std::chrono_literals;
using namespace key_rows;

const std::array kBoundKeys = std::to_array<ConfigKey>({
    {"Shards", CountKey{at<&Config::shards>(), 0, 1024}, kFixed, "Threads that serve connections",
     "one per usable CPU"},
    {"PinShards", SwitchKey{at<&Config::pin_shards>()}, kFixed, "Pin each shard to a CPU"},
    {"Ring", RingKey{at<&Config::ring>()}, kFixed,
     "What shards are on: io_uring, epoll, or auto: io_uring unless the machine forbids it (as the "
     "default profile of containers does) or is too old"},
    {"Lanes", SwitchKey{at<&Config::links, &LinkSettings::lanes>()}, kFixed,
     "Service: offer one link per shard (meta lanes=1); gateway: use such offers"},

    {"MaxFrame", SizeKey{of_clients<&RoleLimits::max_frame_bytes>(), 64, kMostFrame}, kGatewayLive,
     "Longest frame from a client"},
    {"MaxLinkFrame", SizeKey{of_links<&RoleLimits::max_frame_bytes>(), kLeastLinkFrame, kMostFrame},
     kLiveInGateway, "Longest frame on a link"},
    {"MaxHeader", SizeKey{at<&Config::gateway, &GatewayLimits::max_header_bytes>(), 64, kMostFrame},
     kGatewayLive, "Longest packet header from a client"},
    {"MaxLinkHeader",
     SizeKey{at<&Config::gateway, &GatewayLimits::max_link_header_bytes>(), 64, kMostFrame},
     kLiveInGateway, "Longest packet header on a link"},
    {"MaxUpgradeRequest",
     SizeKey{at<&Config::upgrade, &WsUpgradeOptions::max_bytes>(), kKiB, kMostUpgradeBytes},
     kGatewayLive.needing(Need::kWebSocket),
     "Longest WebSocket upgrade request, all header fields together (cookies are among them)"},
    {"MaxMetas", CountKey{at<&Config::gateway, &GatewayLimits::max_metas>(), 1, 4096}, kGatewayLive,
     "Metas in a header from a client"},
    {"MaxLoginBody",
     SizeKey{at<&Config::gateway, &GatewayLimits::max_login_body_bytes>(), 64, kMostFrame},
     kGatewayLive, "Longest body of a login; beyond it the login is answered 101"},
    {"MaxLoginTags",
     CountKey{at<&Config::gateway, &GatewayLimits::max_login_tags>(), 0, kMostLoginTags},
     kGatewayLive, "Tags in a login; beyond it the login is answered 101"},
    {"MaxConnections", CountKey{at<&Config::shard, &ShardOptions::max_clients>(), 0, 16'000'000},
     kGatewayFixed, "Connections per shard", "from the open-file limit"},
    {"MaxConnectionsPerAddress",
     CountKey{at<&Config::shard, &ShardOptions::max_clients_per_address>(), 0, 16'000'000},
     kGatewayFixed, "Connections per shard and source address (an IPv6 /64 is one)", "off"},
    {"AcceptRate", CountKey{at<&Config::shard, &ShardLimits::accepts_per_s>(), 0, 1'000'000},
     kGatewayLive, "Connections that a shard accepts in a second; the others wait in the backlog",
     "off"},
    {"ClientMessageRate",
     CountKey{at<&Config::shard, &ShardLimits::client_frames_per_s>(), 0, kMostClientFrames},
     kGatewayLive,
     "Frames that a client may send in a second, pings and empty ones among them; beyond it "
     "reading "
     "from it pauses",
     "off"},
    {"ClientByteRate", SizeKey{at<&Config::shard, &ShardLimits::client_bytes_per_s>(), 0, kGiB},
     kGatewayLive, "Bytes that a client may send in a second; beyond it reading from it pauses",
     "off"},
    {"LoginReserve",
     CountKey{at<&Config::gateway, &GatewayLimits::login_reserve_percent>(), 0, 100}, kGatewayLive,
     "Per cent of a shard's places for those who log in: when half of them are taken, the oldest "
     "connection "
     "that has not logged in is closed for each new one; 0: never"},
    {"MaxMemory",
     SizeKey{at<&Config::gateway, &GatewayLimits::max_memory_bytes>(), 0, std::size_t{1} << 44U},
     kGatewayLive,
     "Memory that clients and what waits for them may take, of all shards together: above 80 per "
     "cent those go that have begun a frame and not logged in, and then those with whom most "
     "waits; above all of it nobody is let in",
     "off"},
    {"LoginsPerAccount",
     CountKey{at<&Config::gateway, &GatewayLimits::logins_per_account>(), 0, 10'000}, kGatewayLive,
     "Logins of one account in ten seconds, per shard; beyond it they are answered 300, and nobody "
     "is kicked out",
     "off"},
    {"LoginsPerAddress",
     CountKey{at<&Config::gateway, &GatewayLimits::logins_per_address>(), 0, 10'000}, kGatewayLive,
     "Logins that one address (an IPv6 /64 is one) asks for in ten seconds, per shard; beyond it "
     "they are answered 300 before their token is looked at",
     "off"},
    {"LoginRate", CountKey{at<&Config::gateway, &GatewayLimits::logins_per_s>(), 0, 1'000'000},
     kGatewayLive,
     "Logins with a good token in a second, and at once, of all accounts, per shard; beyond it "
     "they "
     "are answered 300, and nobody is kicked out",
     "off"},
    {"ExemptAddresses", ProxiesKey{at<&Config::shard, &ShardLimits::exempt_addresses>()},
     kGatewayLive,
     "Addresses or ranges (10.0.0.0/8) that LoginsPerAddress and MaxConnectionsPerAddress do not "
     "bind",
     "none"},
    {"RefusedAddresses", ProxiesKey{at<&Config::gateway, &GatewayLimits::refused_addresses>()},
     kGatewayLive,
     "Addresses or ranges from which nobody comes in: closed when accepted, or, where a trusted "
     "proxy tells who it is, when they log in; ::/0 and ::/1 are all of IPv4, too",
     "none"},
    {"LimitsDryRun", SwitchKey{at<&Config::shard, &ShardLimits::limits_dry_run>()}, kGatewayLive,
     "Count what AcceptRate, ClientMessageRate, ClientByteRate, LoginReserve, MaxMemory, "
     "LoginRate, "
     "LoginsPerAccount, LoginsPerAddress, MaxConnectionsPerAddress, RefusedAddresses, "
     "MaxClientOutstanding and MaxTlsHandshakes would have held up or closed, and leave it alone"},
    {"MaxLinks", CountKey{at<&Config::shard, &ShardOptions::max_links>(), 1, 65'536}, kFixed,
     "Links per shard: of a gateway, and of a logic service; beyond it a link is refused"},
    {"MaxQueuedBytes", SizeKey{of_clients<&RoleLimits::max_queued_bytes>(), kKiB, kGiB},
     kGatewayLive,
     "Bytes queued for one client, beside a packet of more than 128 KiB that is being sent; beyond "
     "it the connection is closed, unless it is behind with what it asked for"},
    {"MaxQueuedAnswerBytes", SizeKey{at<&Config::shard, &ShardLimits::max_answer_bytes>(), 0, kGiB},
     kGatewayLive,
     "Bytes queued for one client that is behind with what it asked for: at MaxQueuedBytes it is "
     "not read from until half of that is left, and beyond this it is closed; 0: at "
     "MaxQueuedBytes"},
    {"SlowConsumer", SlowConsumerKey{at<&Config::gateway, &GatewayLimits::slow_consumers>()},
     kGatewayLive,
     "What becomes of pushes to a client for which half of MaxQueuedBytes is queued: close (it is "
     "closed when the queue is full), drop_oldest or newest_only (they wait, and the oldest are "
     "dropped, or all but the newest of each command), for all or by command prefix, for example "
     "{presence: newest_only}",
     "close"},
    {"MaxUnsentBytes", SizeKey{at<&Config::shard, &ShardLimits::max_unsent_bytes>(), 0, kGiB},
     kGatewayLive,
     "Bytes for one client that the kernel takes although they cannot be sent yet; 0: as many as "
     "net.ipv4.tcp_wmem lets it"},
    {"MaxLinkQueuedBytes", SizeKey{of_links<&RoleLimits::max_queued_bytes>(), kKiB, 4 * kGiB - 1},
     kLiveInGateway, "Bytes queued for one link; beyond it requests are answered 300"},
    {"MaxOutstanding",
     CountKey{at<&Config::gateway, &GatewayLimits::max_outstanding>(), 1, 16'777'216},
     kGatewayFixed, "Requests without an answer per link; beyond it they are answered 300"},
    {"MaxClientOutstanding",
     CountKey{at<&Config::gateway, &GatewayLimits::max_client_outstanding>(), 1, 65535},
     kGatewayLive, "Requests without an answer per client; beyond it they are answered 300"},
    {"MailboxBytes", SizeKey{at<&Config::mailbox_bytes>(), 4 * kKiB, kGiB}, kFixed,
     "Bytes on their way from one shard to another"},
    {"MaxLoginBacklogBytes", SizeKey{at<&Config::shard, &ShardLimits::max_held_bytes>(), 0, kGiB},
     kGatewayLive, "Bytes a client may send before its login is answered"},

    {"LoginWait", DurationKey{at<&Config::gateway, &GatewayLimits::login_wait_ms>(), 1ms, 1h},
     kLiveInGateway, "From accept to the login packet"},
    {"LoginAnswerTimeout",
     DurationKey{at<&Config::gateway, &GatewayLimits::login_answer_timeout_ms>(), 1ms, 1h},
     kGatewayLive, "How long the login service may take"},
    {"IdleTimeout", DurationKey{of_clients<&RoleLimits::read_timeout_ms>(), 1ms, 168h},
     kGatewayLive, "A client silent for so long is closed"},
    {"WebSocketPing", DurationKey{at<&Config::shard, &ShardLimits::ws_ping_after_ms>(), 0s, 168h},
     kGatewayLive.needing(Need::kWebSocket),
     "A WebSocket client silent for so long is sent a ping; 0 sends none"},
    {"IdlePollAfter", DurationKey{at<&Config::shard, &ShardLimits::poll_after_ms>(), 0s, 168h},
     kGatewayLive.needing(Need::kLongerIdleTimeout),
     "A client silent for so long is waited for by a poll, which takes less kernel memory; 0: "
     "never"},
    {"WriteTimeout", DurationKey{at<&Config::shard, &ShardLimits::write_timeout_ms>(), 1ms, 1h},
     kLiveInGateway, "A client that takes nothing, or acknowledges nothing, for so long is closed"},
    {"LatencyBudget",
     MicrosecondsKey{at<&Config::shard, &ShardLimits::latency_budget_us>(), 0us, 1ms},
     kLiveInGateway,
     "How long a message may wait so that one wake-up serves several (io_uring of Linux 6.12), 1ms "
     "at most; a third of it where services are asked; 0: not at all"},
    {"AnswerTimeout",
     DurationKey{at<&Config::gateway, &GatewayLimits::answer_timeout_ms>(), 1ms, 1h}, kGatewayLive,
     "A request without an answer for so long is answered 300"},
    {"LinkHeartbeat", DurationKey{at<&Config::gateway, &GatewayLimits::heartbeat_ms>(), 1ms, 1h},
     kGatewayFixed, "A link that nothing was sent on for so long is pinged"},
    {"LinkReadTimeout", DurationKey{of_links<&RoleLimits::read_timeout_ms>(), 1ms, 24h}, kFixed,
     "A link silent for so long is closed"},
    {"EjectAfter", DurationKey{at<&Config::gateway, &GatewayLimits::eject_after_ms>(), 0s, 1h},
     kGatewayLive,
     "A service that is asked and says nothing for so long, not even to a ping, is left out while "
     "others answer; 0: never"},
    {"AdultAfter", DurationKey{at<&Config::links, &LinkSettings::young_for>(), 0s, 1h},
     kGatewayFixed, "A service newer than this is only chosen if there is no other"},
    {"DialTimeout", DurationKey{at<&Config::links, &LinkSettings::dial_timeout>(), 1ms, 1h},
     kGatewayFixed, "Limit of one attempt to connect"},
    {"RedialMin", DurationKey{at<&Config::links, &LinkSettings::redial_min>(), 1ms, 1h},
     kGatewayFixed, "First pause before dialling again"},
    {"RedialMax", DurationKey{at<&Config::links, &LinkSettings::redial_max>(), 1ms, 1h},
     kGatewayFixed, "Longest pause before dialling again"},
    {"DrainDelay", DurationKey{at<&Config::drain_delay>(), 0s, 1h}, kGatewayLive,
     "After SIGTERM, first of all: so long a gateway is deregistered and not ready, and still "
     "takes "
     "clients, until balancers have noticed"},
    {"DrainTime", DurationKey{at<&Config::drain_time>(), 0s, 1h}, kLiveInGateway,
     "Limit of the drain after SIGTERM, behind DrainDelay"},
    {"DrainPace", CountKey{at<&Config::drain_pace>(), 1, 16'000'000}, kGatewayLive,
     "Clients that are told to go per second while draining, at least: it is more where DrainTime "
     "would not suffice for all"},
    {"SignoutKeep", DurationKey{at<&Config::gateway, &GatewayLimits::signout_keep_ms>(), 0s, 1h},
     kGatewayLive, "How long sign-outs wait for a login service"},
    {"MaxSignouts", CountKey{at<&Config::gateway, &GatewayLimits::max_signouts>(), 0, 16'777'216},
     kGatewayLive, "Sign-outs that may wait for a login service"},
    {"RollCallBeat", DurationKey{at<&Config::gateway, &GatewayLimits::roll_call_beat_ms>(), 0s, 1h},
     kGatewayLive,
     "How often services of ringgate are told that the gateway lives: a fraction of their "
     "GatewayLease; 0: never, and then its clients count as offline"},
    {"RollCallEvery",
     DurationKey{at<&Config::gateway, &GatewayLimits::roll_call_every_ms>(), 1s, 24h}, kGatewayLive,
     "In this time every client is told to them again, so that its session does not end"},
    {"KickoutLinger",
     DurationKey{at<&Config::gateway, &GatewayLimits::kickout_linger_ms>(), 0s, 1h}, kGatewayLive,
     "How long a client that a newer login has ended may stay and close by itself"},

    {"FlightRecorder", SwitchKey{at<&Config::gateway, &GatewayLimits::flight_recorder>()},
     kGatewayLive,
     "Keep the last 32 events of each channel until a minute after its end, and the last closes"},
    {"RecordedChannels",
     CountKey{at<&Config::gateway, &GatewayLimits::recorded_channels>(), 0, 16'000'000},
     kGatewayLive,
     "Channels per shard whose events are kept, 640 bytes each; one that has only logged in is "
     "none"},
    {"RecordedCloses",
     CountKey{at<&Config::gateway, &GatewayLimits::recorded_closes>(), 1, 1'000'000}, kGatewayFixed,
     "Closes of connections that a gateway remembers"},

    {"MessageGPool", IgnoredKey{}, kFixed, "Taken and ignored: there are no goroutine pools"},
    {"ConnectionGPool", IgnoredKey{}, kFixed, "Taken and ignored: there are no goroutine pools"},
    {"RoyalURL", IgnoredKey{}, kFixed, "Taken and ignored: no store of messages is asked"},
});

}  // namespace

std::span<const ConfigKey> bound_keys() {
  return kBoundKeys;
}

}  // namespace ringgate
