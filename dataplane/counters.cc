#include "dataplane/counters.h"

namespace ringgate {
namespace {

constexpr std::array<CounterInfo, static_cast<std::size_t>(Counter::kCount)> kCounterInfo = {{
    {"accepted_total", "connections accepted"},
    {"closed_total", "connections closed, for any reason"},
    {"pings_total", "pings answered by the shard itself"},
    {"packets_in_total", "logic packets received from clients"},
    {"bytes_in_total", "bytes received"},
    {"packets_out_total", "packets written to clients"},
    {"bytes_out_total", "bytes sent"},
    {"sends_total", "send operations completed"},
    {"receives_total", "receive completions with data"},
    {"idle_polls_total", "receives given up for a poll because the client had been silent"},
    {"buffers_exhausted_total", "receives that had to wait for a free provided buffer"},
    {"listener_closed_total", "times a shard closed its listener because its table was full"},
    {"accept_errors_total", "accepts that failed"},
    {"read_paused_total", "times reading from a client paused until its login is answered"},
    {"resets_found_total", "resets that no receive was told of: the sweep found them"},
    {"links_refused_total", "links closed at once because MaxLinks are open on the shard"},
    {"wakeups_total", "wake-ups sent to other threads"},
    {"mail_out_total", "messages handed to other threads"},
    {"mail_full_total", "messages dropped because a mailbox was full"},
    {"logins_total", "logins answered with success"},
    {"logins_refused_total", "logins refused, here or by the login service"},
    {"login_bodies_refused_total",
     "of these, before the token was looked at: too long, too many tags, or no LoginReq"},
    {"logins_failed_total", "logins that a fault of the login service, or its silence, ended"},
    {"forwarded_total", "packets forwarded to services"},
    {"forwarded_slow_total", "of these, packets whose header protobuf itself had to rewrite"},
    {"forward_failed_total", "packets answered with 300 because they could not be forwarded"},
    {"link_queue_full_total", "of these, because the bytes queued to the link reached the bound"},
    {"outstanding_full_total", "of these, because the table of outstanding requests was full"},
    {"client_outstanding_full_total",
     "requests answered with 300 because the client had too many without an answer"},
    {"link_frame_too_long_total",
     "packets that were not put on a link because its other side does not take such long ones"},
    {"answered_total", "requests answered by a service"},
    {"answer_timeouts_total", "requests answered with 300 because no answer came in time"},
    {"answers_late_total", "answers dropped because their request had already been answered"},
    {"answers_failed_by_link_total", "requests answered with 300 because their link broke"},
    {"pushes_in_total", "packets received from services"},
    {"pushes_slow_total", "of these, packets whose header protobuf itself had to rewrite"},
    {"delivered_total", "deliveries to channels"},
    {"push_to_gone_channel_total", "deliveries dropped because the channel is gone"},
    {"push_not_for_us_total", "packets dropped because they are addressed to another gateway"},
    {"link_packet_malformed_total", "packets from services dropped because they make no sense"},
    {"signouts_total", "sign-outs forwarded"},
    {"signouts_dropped_total", "sign-outs given up: none could be forwarded in time, or too many"},
    {"refused_commands_total", "packets answered with 103"},
    {"no_service_total", "packets for which no connected service was found"},
    {"zone_fallback_total", "packets that left their zone because it has no connected service"},
    {"ejections_total", "times a shard left out an instance because it did not answer"},
    {"websocket_upgrades_total", "WebSocket handshakes completed"},
    {"websocket_upgrades_refused_total", "WebSocket handshakes refused"},
    {"websocket_upgrades_too_long_total",
     "of these, because the request was above MaxUpgradeRequest"},
    {"channel_waiting_full_total",
     "logic service: requests answered with 300 because too many of their channel waited"},
    {"service_requests_full_total",
     "logic service: requests answered with 300 because too many were under way"},
    {"service_request_bytes_full_total",
     "logic service: requests answered with 300 because those under way held too many bytes"},
    {"no_gateway_total",
     "logic service: answers and pushes dropped because their gateway is not connected"},
    {"gateway_queue_full_total",
     "logic service: answers and pushes dropped because the bytes queued to their gateway reached "
     "the bound"},
    {"handler_exceptions_total", "requests whose handler threw an exception"},
}};

constexpr std::array<CounterInfo, static_cast<std::size_t>(Gauge::kCount)> kGaugeInfo = {{
    {"clients", "open client connections"},
    {"channels", "logged-in client connections"},
    {"links", "open links"},
    {"outstanding", "requests without an answer yet"},
    {"pool_reserved_bytes", "memory the shard's pool has taken from the system"},
    {"pool_used_bytes", "of these, bytes in use"},
    {"signouts_waiting", "sign-outs waiting for a login service"},
    {"websockets", "of the open client connections, those over WebSocket"},
    {"clients_polled", "of the client connections, those waited for by a poll: they are idle"},
    {"link_queued_bytes", "bytes waiting to be sent on links"},
    {"websocket_channels", "of the logged-in client connections, those over WebSocket"},
    {"listeners_closed", "listeners that are closed because there is no room for more clients"},
    {"mail_waiting_bytes", "memory of messages that wait for room in another thread's mailbox"},
}};

}  // namespace

CounterInfo describe(Counter counter) noexcept {
  return kCounterInfo[static_cast<std::size_t>(counter)];
}

CounterInfo describe(Gauge gauge) noexcept {
  return kGaugeInfo[static_cast<std::size_t>(gauge)];
}

}  // namespace ringgate
