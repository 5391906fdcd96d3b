#include "control/config/keys.h"

#include <array>

#include "codec/proxy_protocol.h"
#include "control/config/key_rows.h"

namespace ringgate {
namespace {

using namespace std::chrono_literals;
using namespace key_rows;

const std::array kKeys = std::to_array<ConfigKey>({
    {"ServiceID", ServiceIdKey{at<&Config::service_id>()}, kFixed,
     "Unique id of this process, 1-64 characters of A-Z a-z 0-9 . _ -", "required"},
    {"ServiceName", ServiceIdKey{at<&Config::service_name>()}, kFixed, "Name it registers under",
     "tgateway, login, chat or echo"},
    {"Listen", ListenKey{at<&Config::listen>()}, kFixed,
     "Where to accept, one or a list: host:port or :port (all interfaces) for TCP, "
     "ws://host:port/path for WebSocket, where /* is any path and /chat/* any below /chat/; "
     "tls:// and wss:// are the same over TLS; unix:/path and ws+unix:/path:/chat for a proxy of "
     "this machine; behind it may stand ?proxy=required or ?proxy=off, and of TLS "
     "?client_cert=required or ?client_cert=off",
     "127.0.0.1:8001 (gateway), 127.0.0.1:0 (others)"},
    {"AllowedOrigins", OriginsKey{at<&Config::upgrade, &WsUpgradeOptions::allowed_origins>()},
     kGatewayLive.needing(Need::kWebSocket),
     "Origins that browsers may connect from, for example https://chat.example.com, "
     "https://*.example.com (all below, not itself) or \"*\" (all)",
     "none"},
    {"Subprotocol", SubprotocolKey{at<&Config::upgrade, &WsUpgradeOptions::subprotocol>()},
     kGatewayFixed.needing(Need::kWebSocket), "WebSocket subprotocol, answered if offered"},
    {"TrustedProxies", ProxiesKey{at<&Config::shard, &ShardOptions::trusted_proxies>()},
     kGatewayFixed.needing(Need::kForwarders),
     "Addresses or ranges (10.0.0.0/8) whose X-Forwarded-For is believed", "none"},
    {"ProxyProtocol", SwitchKey{at<&Config::shard, &ShardOptions::proxy_protocol>()}, kGatewayFixed,
     "Connections from TrustedProxies begin with a PROXY header, version 1 or 2; a listener's own "
     "?proxy=required or ?proxy=off wins"},
    {"MaxProxyHeader",
     SizeKey{at<&Config::shard, &ShardLimits::max_proxy_header_bytes>(), kMaxProxyV2Kept,
             kMaxProxyV2Bytes},
     kGatewayLive.needing(Need::kProxyProtocol),
     "Longest PROXY header of version 2, with what a proxy adds: a client's certificate, say"},
    {"TlsCert", TagsKey{at<&Config::tls, &tls::Settings::certificates>()},
     kLive.needing(Need::kTls),
     "PEM file of the certificate of tls:// and wss://, with its chain; of a list a client gets "
     "the "
     "one for the name that it asks for, else the first",
     "required with tls:// and wss://"},
    {"TlsKey", TagsKey{at<&Config::tls, &tls::Settings::keys>()}, kLive.needing(Need::kTls),
     "PEM file of its key, without a password; of a list one for each certificate, in the same "
     "order"},
    {"TlsMin", TlsVersionKey{at<&Config::tls, &tls::Settings::min_version>()},
     kLive.needing(Need::kTls),
     "Oldest version that is spoken, 1.2 or 1.3; a connection of 1.2 takes some ten kilobytes "
     "more"},
    {"TlsCiphers", TagsKey{at<&Config::tls, &tls::Settings::ciphers>()}, kLive.needing(Need::kTls),
     "Cipher suites, as OpenSSL names them, the best first; those that begin with TLS_ are of 1.3",
     "those with forward secrecy and an AEAD"},
    {"TlsClientCA", TextKey{at<&Config::tls, &tls::Settings::client_ca>()},
     kLive.needing(Need::kTls),
     "PEM file of the authorities that clients' certificates are trusted by; with it clients have "
     "to show one, but where a listener has ?client_cert=off",
     "none"},
    {"TlsTicketKeys", TextKey{at<&Config::tls, &tls::Settings::ticket_keys>()},
     kLive.needing(Need::kTls),
     "File of the keys that session tickets are sealed with, for all gateways of a fleet: a line "
     "of "
     "160 digits in hex for each, the first seals, all open",
     "a key of the process"},
    {"MaxTlsHandshakes", CountKey{at<&Config::shard, &ShardLimits::max_handshakes>(), 1, 1'000'000},
     kLiveInGateway.needing(Need::kTls),
     "TLS handshakes under way on a shard; beyond it clients wait in the backlog"},
    {"LinkTlsCA", TextKey{at<&Config::link_tls, &tls::ClientSettings::ca>()}, kGatewayLive,
     "PEM file of the authorities that services' certificates are trusted by. A service that "
     "registers tls=1 is dialled over TLS 1.3, and its certificate has to have its ServiceName as "
     "a DNS name; without LinkTlsCA it is not dialled",
     "none"},
    {"LinkTlsCert", TextKey{at<&Config::link_tls, &tls::ClientSettings::certificate>()},
     kGatewayLive.needing(Need::kLinkTls),
     "PEM file of the certificate that services are shown, with its chain", "none"},
    {"LinkTlsKey", TextKey{at<&Config::link_tls, &tls::ClientSettings::key>()},
     kGatewayLive.needing(Need::kLinkTls), "PEM file of its key, without a password", "none"},
    {"PublicAddress", HostKey{at<&Config::public_address>()}, kFixed,
     "Host that others reach this process at",
     "the host of Listen; of all interfaces, where Consul's agent is reached from (a local agent: "
     "its node's), without Consul the machine's"},
    {"PublicPort", PortKey{at<&Config::public_port>()}, kFixed,
     "Port that others reach this process at", "the port of Listen"},
    {"Tags", TagsKey{at<&Config::tags>()}, kFixed,
     "Registered with the service, for example IDC:SH"},
    {"Zone", TextKey{at<&Config::zone>()}, kFixed, "Zone registered with a logic service"},
    {"Domain", TextKey{at<&Config::domain>()}, kFixed,
     "URL that clients use, registered with a gateway"},
    {"RegistryFile", TextKey{at<&Config::registry_file>()}, kFixed,
     "JSON file of services, watched for changes", "this or ConsulURL: required"},
    {"ConsulURL", ConsulUrlKey{at<&Config::consul, &consul::Options::url>()}, kFixed,
     "Consul agent that services are found and registered at: host:port or https://host:port",
     "this or RegistryFile: required"},
    {"ConsulToken", TextKey{at<&Config::consul, &consul::Options::token>()},
     kFixed.needing(Need::kConsul), "ACL token for Consul"},
    {"ConsulTokenFile", TextKey{at<&Config::consul, &consul::Options::token_file>()},
     kFixed.needing(Need::kConsul),
     "File that holds the ACL token; read again when Consul refuses it"},
    {"ConsulCA", TextKey{at<&Config::consul, &consul::Options::ca_file>()},
     kFixed.needing(Need::kConsul),
     "PEM file of the authorities that an https ConsulURL is trusted by", "the machine's"},
    {"ConsulDatacenter", TextKey{at<&Config::consul, &consul::Options::datacenter>()},
     kGatewayFixed.needing(Need::kConsul), "Datacenter that services are looked up in",
     "the agent's"},
    {"ConsulStale", SwitchKey{at<&Config::consul, &consul::Options::stale>()},
     kGatewayFixed.needing(Need::kConsul),
     "Let any Consul server answer, also one that may be behind or has no leader"},
    {"ConsulTag", TextKey{at<&Config::consul, &consul::Options::tag>()},
     kGatewayFixed.needing(Need::kConsul), "Use only services with this tag", "all"},
    {"ConsulWait", DurationKey{at<&Config::consul, &consul::Options::wait>(), 10ms, 600s},
     kGatewayFixed.needing(Need::kConsul), "How long one question to Consul waits for a change"},
    {"ConsulCheckInterval",
     DurationKey{at<&Config::consul, &consul::Options::check_interval>(), 1s, 1h},
     kFixed.needing(Need::kConsul), "How often Consul looks at our /health (on MonitorPort)"},
    {"ConsulCheckTimeout",
     DurationKey{at<&Config::consul, &consul::Options::check_timeout>(), 1ms, 1h},
     kFixed.needing(Need::kConsul), "How long our /health may take"},
    {"ConsulDeregisterAfter",
     DurationKey{at<&Config::consul, &consul::Options::deregister_after>(), 1s, 720h},
     kFixed.needing(Need::kConsul),
     "Consul removes us when we failed for so long, a minute at least"},
    {"ConsulRecheck", DurationKey{at<&Config::consul, &consul::Options::recheck>(), 10ms, 1h},
     kFixed.needing(Need::kConsul), "How often we look whether the agent still knows us"},
    {"Depends", NamesKey{at<&Config::depends>()}, kGatewayFixed,
     "Services that a gateway looks for, for example [login, chat]",
     "login, chat, echo and those of Routes"},
    {"EmptyListHold", DurationKey{at<&Config::links, &LinkSettings::empty_list_hold>(), 0s, 1h},
     kGatewayFixed.needing(Need::kConsul),
     "With Consul: for so long an empty list, or the first one after an outage, removes no "
     "instance whose link is up"},
    {"Routes", RoutesKey{at<&Config::routes>()}, kGatewayFixed,
     "Command prefix to service name, for example {login: chat}"},
    {"Selectors", SelectorsKey{at<&Config::selectors>()}, kGatewayLive,
     "How one of several instances is chosen: hash, route or rendezvous, for all or by command "
     "prefix, for example {chat: route, login: hash}",
     "hash"},
    {"RouteFile", TextKey{at<&Config::route_file>()}, kGatewayLive.needing(Need::kRouteSelector),
     "JSON file of zones, their weights and the whitelist: for the selector route"},
    {"AppSecret", TextKey{at<&Config::app_secret>()}, kGatewayLive,
     "Secret that tokens are signed with", "this or AppSecretFile: required for a gateway"},
    {"AppSecretFile", TextKey{at<&Config::app_secret_file>()}, kGatewayLive,
     "File that holds the app secret"},
    {"AppSecretPrevious", TextKey{at<&Config::app_secret_previous>()}, kGatewayLive,
     "Secret still taken while it is being replaced"},
    {"AppSecretPreviousFile", TextKey{at<&Config::app_secret_previous_file>()}, kGatewayLive,
     "File that holds the previous secret"},
    {"TokenGrace", DurationKey{at<&Config::token_grace>(), 0s, 720h}, kGatewayLive,
     "How long a connection outlives its token's exp"},
    {"RedisURL", RedisUrlsKey{at<&Config::redis_urls>()}, kServicesLive,
     "Redis that login and chat share their sessions in: redis://user:password@host:port/db, "
     "rediss:// (TLS), unix:///path, redis+sentinel://h1,h2,h3/primary, redis+cluster://h1,h2; or "
     "a "
     "list of single servers, which are tried in turn",
     "this, RedisAddrs or MemorySessions: required for login and chat"},
    {"RedisAddrs", RedisKey{at<&Config::redis>()}, kServicesLive,
     "host:port of one Redis without a password: the short form of RedisURL"},
    {"RedisPassword", TextKey{at<&Config::redis_password>()}, kServicesLive,
     "Password of Redis, where RedisURL has none in it"},
    {"RedisPasswordFile", TextKey{at<&Config::redis_password_file>()}, kServicesLive,
     "File that holds the password of Redis"},
    {"RedisSentinelPassword", TextKey{at<&Config::redis_sentinel_password>()}, kServicesLive,
     "Password of the sentinels themselves"},
    {"RedisSentinelPasswordFile", TextKey{at<&Config::redis_sentinel_password_file>()},
     kServicesLive, "File that holds the password of the sentinels"},
    {"RedisCA", TextKey{at<&Config::redis_ca_file>()}, kServicesLive,
     "PEM file of the authorities that Redis' certificates are trusted by", "the machine's"},
    {"RedisCertificate", TextKey{at<&Config::redis_certificate_file>()}, kServicesLive,
     "PEM file of our certificate for Redis, with its chain, where it asks for one"},
    {"RedisCertificateKey", TextKey{at<&Config::redis_key_file>()}, kServicesLive,
     "PEM file of that certificate's key"},
    {"MemorySessions", SwitchKey{at<&Config::memory_sessions>()}, kServicesFixed,
     "Keep sessions in this one process instead of Redis: needs Shards: 1, lost on restart"},
    {"DefaultApp", TextKey{at<&Config::default_app>()}, kServicesFixed,
     "App whose accounts have their places in the store under the account alone, as services of "
     "other makes read it; * is every app: all share their accounts, as those services have it"},
    {"GatewayLease", DurationKey{at<&Config::gateway_lease>(), 1s, 1h}, kServicesFixed,
     "A ringgate gateway that has said nothing for so long is gone, and nobody is online there; "
     "the "
     "same for all services of a store, and several times RollCallBeat"},
    {"MessageStore", MessageStoreKey{at<&Config::message_store>()}, kChatFixed,
     "Where chat keeps messages and groups: sqlite:///path/to/file (of one process), "
     "postgresql://user@host/database (of many), or memory (lost on restart)",
     Config::kMessageStore},
    {"MessageStoreFile", TextKey{at<&Config::message_store_file>()}, kChatFixed,
     "File that holds the URL of MessageStore, where that has a password in it"},
    {"MessageDays", CountKey{at<&Config::message_days>(), 1, 36'500}, kChatFixed,
     "Messages older than so many days are deleted"},
    {"OfflineDays", CountKey{at<&Config::offline_days>(), 1, 36'500}, kChatFixed,
     "How many days back a client is told what it missed; not above MessageDays"},
    {"MaxGroupMembers", CountKey{at<&Config::max_group_members>(), 1, 1'000'000}, kChatFixed,
     "Members of a group; beyond it joins and creates are answered 300"},
    {"MaxChannelWaiting", CountKey{at<&Config::max_channel_waiting>(), 1, 65'536}, kServicesFixed,
     "Requests of one client that wait for an earlier one of it; beyond it they are answered 300"},
    {"MaxServiceRequests", CountKey{at<&Config::max_service_requests>(), 1, 16'777'216},
     kServicesFixed,
     "Requests under way and waiting in a service, per shard; beyond it they are answered 300"},
    {"MaxServiceRequestBytes", SizeKey{at<&Config::max_service_request_bytes>(), kKiB, kGiB},
     kServicesFixed, "The same, of their bytes"},
    {"GroupTalk", GroupTalkKey{at<&Config::group_talk>()}, kChatFixed,
     "Who may talk to a group: members (and its owner), or anyone of its app, as existing services "
     "have it; others are answered 105"},
    {"MaxMessageBody", SizeKey{at<&Config::max_message_body_bytes>(), 1, kMiB}, kChatFixed,
     "Longest body of a message; beyond it a talk is answered 300"},
    {"MaxMessageExtra", SizeKey{at<&Config::max_message_extra_bytes>(), 0, kMiB}, kChatFixed,
     "Longest extra of a message; beyond it a talk is answered 300"},
    {"MaxOfflineContent", SizeKey{at<&Config::max_offline_content_bytes>(), 1, kGiB}, kChatFixed,
     "Bytes of messages in an answer to chat.offline.content; those asked for first, one at least"},
    {"MaxGroupText", SizeKey{at<&Config::max_group_text_bytes>(), 1, kMiB}, kChatFixed,
     "Longest name, avatar and introduction of a group, each; beyond it a create is answered 300"},
    {"LoginAnswerDelay", DurationKey{at<&Config::login_answer_delay>(), 0s, 1s}, kServicesFixed,
     "How long the answer to a login waits on links of gateways of other makes, which lose one "
     "that "
     "is faster than they are: 5ms does"},
    {"MonitorPort", PortKey{at<&Config::monitor_port>()}, kFixed,
     "Port of /health, /ready and /metrics", "off"},
    {"MonitorAddress", HostKey{at<&Config::monitor_address>()}, kFixed.needing(Need::kMonitorPort),
     "Where the monitor listens; 0.0.0.0 lets another machine probe it"},
    {"MonitorTlsCert", TagsKey{at<&Config::monitor_tls, &tls::Settings::certificates>()},
     kFixed.needing(Need::kHttpPort),
     "PEM file of the certificate of the monitor and admin ports, with its chain, or a list as "
     "TlsCert has it: they speak https then, and nothing else; SIGHUP reads the files again",
     "none: http"},
    {"MonitorTlsKey", TagsKey{at<&Config::monitor_tls, &tls::Settings::keys>()},
     kFixed.needing(Need::kHttpPort), "PEM file of its key, without a password"},
    {"MonitorConnections",
     CountKey{at<&Config::monitor_bounds, &http::Bounds::max_connections>(), 1, 4096}, kFixed,
     "Connections of the monitor port, and of the admin port; a new one ends the oldest without a "
     "whole request"},
    {"MonitorConnectionsPerAddress",
     CountKey{at<&Config::monitor_bounds, &http::Bounds::max_connections_per_address>(), 1, 4096},
     kFixed, "Those of one address (an IPv6 /64 is one)"},
    {"MonitorRequestTime",
     DurationKey{at<&Config::monitor_bounds, &http::Bounds::request_time>(), 10ms, 1h}, kFixed,
     "From accept to the end of a request to the monitor or admin port"},
    {"AdminPort", PortKey{at<&Config::admin_port>()}, kFixed,
     "Port of /services, /channels, /closes, /trace, /kick, /drain and the pages /try and /status; "
     "may be the "
     "monitor's",
     "off"},
    {"AdminAddress", HostKey{at<&Config::admin_address>()}, kFixed.needing(Need::kAdminPort),
     "Where the admin port listens; anywhere but on loopback it takes AdminToken"},
    {"AdminToken", TextKey{at<&Config::admin_token>()}, kLive.needing(Need::kAdminPort),
     "Bearer token that admin requests have to bear: 16 bytes at least, without blanks"},
    {"AdminTokenFile", TextKey{at<&Config::admin_token_file>()}, kLive.needing(Need::kAdminPort),
     "File that holds the admin token"},
    {"StatusHistory", DurationKey{at<&Config::status_history>(), 1min, 24h},
     kGatewayFixed.needing(Need::kAdminPort),
     "How far back the page /status and ringgate top look: a second takes 0.5 KiB"},
    {"MaxInstanceSeries",
     CountKey{at<&Config::gateway, &GatewayLimits::max_instance_series>(), 0, 10'000},
     kGatewayFixed,
     "Instances of services that have metrics of their own; those beyond are told as other"},
    {"MaxCommandSeries",
     CountKey{at<&Config::gateway, &GatewayLimits::max_command_series>(), 0, 1'000}, kGatewayFixed,
     "Commands of one's own services that have metrics of their own, once one was answered with "
     "success; those beyond are told as other"},
    {"LogLevel", LogLevelKey{at<&Config::log_level>()}, kLive,
     "trace, debug, info, warn, error, critical or off; debug tells what happens to each client"},
    {"LogFormat", LogFormatKey{at<&Config::log_format>()}, kLive,
     "text, a line for people, or json, an object on each line"},
    {"LogFile", TextKey{at<&Config::log_file>()}, kFixed,
     "File of the log; SIGHUP opens it anew, so that it can be renamed first", "none: stderr"},
    {"LogEventsPerSecond",
     CountKey{at<&Config::gateway, &GatewayLimits::log_events_per_second>(), 0, 1'000'000},
     kGatewayLive,
     "Lines of one event that clients cause, in a second: refused logins, closes; the rest is "
     "counted"},
    {"LogDebugPerSecond",
     CountKey{at<&Config::gateway, &GatewayLimits::log_debug_per_second>(), 1, 1'000'000},
     kGatewayLive,
     "With LogLevel debug: what a shard tells of its clients in a second; the rest is counted"},
});

std::vector<ConfigKey> all_keys() {
  std::vector<ConfigKey> all(kKeys.begin(), kKeys.end());
  const std::span<const ConfigKey> bounds = bound_keys();
  all.insert(all.end(), bounds.begin(), bounds.end());
  return all;
}

}  // namespace

std::span<const ConfigKey> config_keys() {
  static const std::vector<ConfigKey> all = all_keys();
  return all;
}

}  // namespace ringgate
