// Which metrics a process has. Dashboards and alarms know them by name: each process has those of
// what it does, all of them from its first moment, and none of what only others do.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/base/loop.h"
#include "control/base/text_file.h"
#include "services/wsecho/component.h"
#include "tests/common/certificates.h"
#include "tests/integration/raw_service.h"
#include "tests/integration/world.h"

namespace ringgate::test {
namespace {

using Names = std::set<std::string>;

const Names kOfShards = {"ringgate_accept_errors_total",
                         "ringgate_accept_rate_reached_total",
                         "ringgate_too_many_from_address_total",
                         "ringgate_accepted_total",
                         "ringgate_buffers_exhausted_total",
                         "ringgate_bytes_in_total",
                         "ringgate_bytes_out_total",
                         "ringgate_client_queue_limit_bytes",
                         "ringgate_clients",
                         "ringgate_clients_limit",
                         "ringgate_clients_polled",
                         "ringgate_clients_throttled_total",
                         "ringgate_clients_full_total",
                         "ringgate_closed_by_reason_total",
                         "ringgate_closed_total",
                         "ringgate_gathered_waits_total",
                         "ringgate_idle_polls_total",
                         "ringgate_input_deferred_total",
                         "ringgate_link_queue_limit_bytes",
                         "ringgate_link_queued_bytes",
                         "ringgate_links",
                         "ringgate_links_limit",
                         "ringgate_links_refused_total",
                         "ringgate_listener_closed_total",
                         "ringgate_listeners_closed",
                         "ringgate_mail_full_total",
                         "ringgate_mail_out_total",
                         "ringgate_mail_unknown_total",
                         "ringgate_mail_waiting_bytes",
                         "ringgate_mailbox_bytes",
                         "ringgate_memory_short_total",
                         "ringgate_pings_total",
                         "ringgate_pool_reserved_bytes",
                         "ringgate_pool_used_bytes",
                         "ringgate_read_paused_total",
                         "ringgate_receive_buffer_bytes",
                         "ringgate_receives_total",
                         "ringgate_resets_found_total",
                         "ringgate_send_seconds",
                         "ringgate_sends_total",
                         "ringgate_shards",
                         "ringgate_shards_short_of_memory",
                         "ringgate_tls_1_2_sessions",
                         "ringgate_tls_handshake_seconds",
                         "ringgate_tls_handshakes_failed_total",
                         "ringgate_tls_handshakes_full_total",
                         "ringgate_tls_handshakes_resumed_total",
                         "ringgate_tls_handshakes_total",
                         "ringgate_tls_handshakes_under_way",
                         "ringgate_turn_seconds",
                         "ringgate_wakeups_failed_total",
                         "ringgate_wakeups_total",
                         "ringgate_websocket_upgrades_refused_total",
                         "ringgate_websocket_upgrades_too_long_total",
                         "ringgate_websocket_upgrades_total",
                         "ringgate_websockets"};

// Of a process with a monitor port.
const Names kOfProcess = {"process_cpu_seconds_total",
                          "process_max_fds",
                          "process_open_fds",
                          "process_resident_memory_bytes",
                          "process_start_time_seconds",
                          "process_threads",
                          "process_virtual_memory_bytes",
                          "ringgate_build_info",
                          "ringgate_http_accept_pauses_total",
                          "ringgate_http_answers_total",
                          "ringgate_http_connections",
                          "ringgate_http_dropped_total",
                          "ringgate_last_reload_success_timestamp_seconds",
                          "ringgate_last_reload_successful",
                          "ringgate_log_lines_dropped_total",
                          "ringgate_log_lines_lost_total",
                          "ringgate_protobuf_complaints_total",
                          "ringgate_ready",
                          "ringgate_reloads_total",
                          "ringgate_ring_info"};

const Names kOfPackets = {"ringgate_packets_in_total", "ringgate_packets_out_total",
                          "ringgate_link_frame_too_long_total",
                          "ringgate_link_packet_malformed_total"};

const Names kOfGateway = {"kim_channel_total",
                          "kim_message_in_flow_bytes",
                          "kim_message_in_total",
                          "kim_message_out_flow_bytes",
                          "kim_no_server_found_error_total",
                          "ringgate_answer_timeouts_total",
                          "ringgate_answered_total",
                          "ringgate_answers_failed_by_link_total",
                          "ringgate_answers_late_total",
                          "ringgate_channels",
                          "ringgate_client_outstanding_full_total",
                          "ringgate_crowded_out_total",
                          "ringgate_logins_from_address_too_often_total",
                          "ringgate_login_rate_reached_total",
                          "ringgate_addresses_refused_total",
                          "ringgate_memory_full_total",
                          "ringgate_pushes_dropped_total",
                          "ringgate_push_held_bytes",
                          "ringgate_delivered_total",
                          "ringgate_ejections_total",
                          "ringgate_events_not_recorded_total",
                          "ringgate_forward_failed_total",
                          "ringgate_forward_seconds",
                          "ringgate_forwarded_slow_total",
                          "ringgate_forwarded_total",
                          "ringgate_forwards_total",
                          "ringgate_instance_answer_seconds_total",
                          "ringgate_instance_answers_total",
                          "ringgate_instance_forwards_total",
                          "ringgate_instances",
                          "ringgate_instances_ejected",
                          "ringgate_link_queue_full_total",
                          "ringgate_link_tls_handshakes_failed_total",
                          "ringgate_link_tls_handshakes_total",
                          "ringgate_link_tls_refused_total",
                          "ringgate_link_tls_handshakes_failed_total",
                          "ringgate_link_tls_handshakes_total",
                          "ringgate_link_tls_refused_total",
                          "ringgate_links_by_state",
                          "ringgate_links_held_total",
                          "ringgate_log_events_left_out_total",
                          "ringgate_login_bodies_refused_total",
                          "ringgate_login_seconds",
                          "ringgate_logins_failed_total",
                          "ringgate_logins_refused_total",
                          "ringgate_logins_too_often_total",
                          "ringgate_logins_total",
                          "ringgate_no_service_total",
                          "ringgate_outstanding",
                          "ringgate_outstanding_full_total",
                          "ringgate_own_commands_total",
                          "ringgate_own_pushes_total",
                          "ringgate_push_to_other_gateway_total",
                          "ringgate_push_receivers",
                          "ringgate_push_seconds",
                          "ringgate_push_written_seconds",
                          "ringgate_push_to_gone_channel_total",
                          "ringgate_pushes_in_total",
                          "ringgate_push_slices_paused_total",
                          "ringgate_push_waiting_bytes",
                          "ringgate_pushes_sliced_total",
                          "ringgate_pushes_slow_total",
                          "ringgate_recorded_channels",
                          "ringgate_refused_commands_total",
                          "ringgate_signouts_dropped_total",
                          "ringgate_signouts_not_repeated_total",
                          "ringgate_signouts_repeated_total",
                          "ringgate_rollcall_channels_total",
                          "ringgate_rollcall_failed_total",
                          "ringgate_rollcall_lost_total",
                          "ringgate_rollcall_rounds_total",
                          "ringgate_rollcall_taken_total",
                          "ringgate_signouts_total",
                          "ringgate_signouts_waiting",
                          "ringgate_websocket_channels",
                          "ringgate_zone_fallback_total"};

const Names kOfLogicService = {"ringgate_channel_waiting_full_total",
                               "ringgate_contents_cut_total",
                               "ringgate_handler_exceptions_total",
                               "ringgate_gateway_queue_full_total",
                               "ringgate_no_gateway_total",
                               "ringgate_service_request_bytes_full_total",
                               "ringgate_service_requests_full_total",
                               "ringgate_texts_too_long_total",
                               "ringgate_receivers_not_located_total",
                               "ringgate_logins_after_stall_total",
                               "ringgate_store_call_errors_total",
                               "ringgate_store_call_seconds",
                               "ringgate_store_calls_dropped_total",
                               "ringgate_store_calls_in_flight",
                               "ringgate_store_calls_late_total",
                               "ringgate_store_calls_total"};

const Names kReasonsOfShards = {"bad_frame",
                                "bad_proxy_header",
                                "bad_text",
                                "draining",
                                "frame_too_long",
                                "idle_timeout",
                                "peer_close_frame",
                                "peer_closed",
                                "peer_reset",
                                "proxy_header_too_long",
                                "send_failed",
                                "slow_consumer",
                                "tls_bad_record",
                                "tls_client_certificate",
                                "tls_client_certificate_expired",
                                "tls_client_certificate_missing",
                                "tls_client_certificate_unknown_authority",
                                "tls_client_certificate_wrong_purpose",
                                "tls_handshake_failed",
                                "tls_no_common_cipher",
                                "tls_peer_alert",
                                "tls_plain_text",
                                "tls_version",
                                "text_message",
                                "too_many_from_address",
                                "too_many_links",
                                "no_memory",
                                "upgrade_refused",
                                "write_timeout"};
const Names kReasonsOfGateway = {
    "bad_packet",    "crowded_out",      "memory_full",          "address_refused",
    "evacuated",     "header_too_long",  "kicked_by_operator",   "logins_too_often",
    "kicked_out",    "link_removed",     "login_answer_timeout", "login_refused",
    "login_timeout", "no_login_service", "not_a_login",          "token_expired",
    "too_many_metas"};
const Names kReasonsOfLogicService = {"handshake", "replaced"};

Names all(std::initializer_list<Names> parts) {
  Names all;
  for (const Names& part : parts) all.insert(part.begin(), part.end());
  return all;
}

// What the expression's first group matches in lines of the text.
Names found(const std::string& text, const std::string& expression) {
  const std::regex regex(expression, std::regex::ECMAScript | std::regex::multiline);
  Names names;
  for (std::sregex_iterator match(text.begin(), text.end(), regex), end; match != end; ++match) {
    names.insert((*match)[1]);
  }
  return names;
}

void expect_metrics(const Server& server, const Names& metrics, const Names& reasons) {
  EXPECT_EQ(server.get("/health").status,
            200);  // answers are told of by status, once there are any
  const std::string page = server.get("/metrics").body;
  EXPECT_EQ(found(page, R"(^# TYPE ([a-z_0-9]+) )"), metrics);
  EXPECT_EQ(found(page, R"re(^ringgate_closed_by_reason_total\{.*reason="([a-z_]+)")re"), reasons);
}

TEST(MetricNames, OfAGateway) {
  const World world;
  const Server gateway(world, "gateway", "g1");
  RawService login(world, "login01", "login");  // some are told for each instance
  const Link link = login.accept();
  gateway.wait_metric("ringgate_links", 1);
  expect_metrics(gateway, all({kOfShards, kOfProcess, kOfPackets, kOfGateway}),
                 all({kReasonsOfShards, kReasonsOfGateway}));
}

TEST(MetricNames, OfALogicService) {
  const World world;
  const Server echo(world, "echo", "echo01");
  expect_metrics(echo, all({kOfShards, kOfProcess, kOfPackets, kOfLogicService}),
                 all({kReasonsOfShards, kReasonsOfLogicService}));
}

TEST(MetricNames, OfAWebSocketEcho) {
  Config config;
  config.service_id = "wsecho";
  config.listen = {ListenSpec{{"127.0.0.1", 0}, Transport::kWebSocket}};
  config.shards = 1;
  config.pin_shards = false;
  const std::unique_ptr<ControlLoop> loop = std::move(*ControlLoop::create());
  WsEchoComponent echo(config, *loop);
  const Result<void> started = echo.start();
  ASSERT_TRUE(started) << started.error().message;
  MetricsSnapshot snapshot;
  echo.collect(snapshot);
  Names metrics;
  Names reasons;
  for (const prometheus::MetricFamily& family : snapshot.take()) {
    metrics.insert(family.name);
    for (const prometheus::ClientMetric& series : family.metric) {
      for (const auto& label : series.label) {
        if (label.name == "reason") reasons.insert(label.value);
      }
    }
  }
  EXPECT_EQ(metrics, kOfShards);
  EXPECT_EQ(reasons, kReasonsOfShards);
}

// --- The documentation ---------------------------------------------------------------------------

// What a page says of each metric: its type and its meaning.
std::map<std::string, std::pair<std::string, std::string>> described(const std::string& page) {
  static const std::regex help(R"(^# HELP ([a-z_0-9]+) (.*)$)",
                               std::regex::ECMAScript | std::regex::multiline);
  static const std::regex type(R"(^# TYPE ([a-z_0-9]+) ([a-z]+)$)",
                               std::regex::ECMAScript | std::regex::multiline);
  std::map<std::string, std::pair<std::string, std::string>> all;
  for (std::sregex_iterator at(page.begin(), page.end(), type), end; at != end; ++at) {
    all[(*at)[1]].first = (*at)[2];
  }
  for (std::sregex_iterator at(page.begin(), page.end(), help), end; at != end; ++at) {
    all[(*at)[1]].second = (*at)[2];
  }
  return all;
}

// The upper bounds of each histogram of times on a page, in their order.
std::map<std::string, std::vector<std::string>> bounds_of_times(const std::string& page) {
  static const std::regex bucket(R"re(^(\w+_seconds)_bucket\{(.*)le="([^"]+)"\} )re",
                                 std::regex::ECMAScript | std::regex::multiline);
  std::map<std::string, std::map<std::string, std::vector<std::string>>> by_series;
  for (std::sregex_iterator at(page.begin(), page.end(), bucket), end; at != end; ++at) {
    by_series[(*at)[1]][(*at)[2]].push_back((*at)[3]);
  }
  std::map<std::string, std::vector<std::string>> all;
  for (const auto& [name, series] : by_series) all[name] = series.begin()->second;
  return all;
}

// A gateway, a login service with Redis and a chat service with SQLite have everything that there
// is to explain.
std::string table_of_metrics() {
  const std::vector<std::string> bounds = {"1e-05",  "2.5e-05", "5e-05",  "0.0001", "0.00025",
                                           "0.0005", "0.001",   "0.0025", "0.005",  "0.01",
                                           "0.025",  "0.05",    "0.1",    "0.25",   "0.5",
                                           "1",      "2.5",     "5",      "10",     "+Inf"};
  const World world;
  const Redis redis(world);
  const Server login(world, "login", "login01", {{"RedisAddrs", redis.address()}});
  const Server chat(world, "chat", "chat01", {{"RedisAddrs", redis.address()}});
  const auto routes = world.folder().write(
      "route.json", R"({"route_by": "app", "zones": [{"id": "zone_1", "weight": 1}]})");
  const MadeCertificate certificate = MadeCertificate::make({});
  const auto pem = world.folder().write("server.pem", certificate.pem());
  const auto key = world.folder().write("server.key", certificate.key_pem());
  const Server gateway(world, "gateway", "g1",
                       {{"Listen", R"(["127.0.0.1:0", "tls://127.0.0.1:0"])"},
                        {"TlsCert", pem.string()},
                        {"TlsKey", key.string()},
                        {"Zone", "zone_1"},
                        {"Selectors", "{chat: route}"},
                        {"RouteFile", routes.string()}});
  wait_until("ready", [&] { return gateway.get("/ready").status == 200; });
  std::map<std::string, std::pair<std::string, std::string>> all;
  for (const Server* const server : {&gateway, &login, &chat}) {
    const std::string page = server->get("/metrics").body;
    all.merge(described(page));
    for (const auto& [name, has] : bounds_of_times(page)) EXPECT_EQ(has, bounds) << name;
  }
  std::string table = "| Metric | Type | Meaning |\n|---|---|---|\n";
  for (const auto& [name, about] : all) {
    table += "| `" + name + "` | " + about.first + " | " + about.second + " |\n";
  }
  return table;
}

TEST(MetricNames, AreExplainedInTheDocumentation) {
  const std::string file = std::string(RINGGATE_SOURCE) + "/docs/observability.md";
  const std::string text = read_text_file(file, 1 << 20).value();
  const std::size_t begin = text.find('\n', text.find("<!-- metrics:")) + 1;
  const std::size_t end = text.find("<!-- end of metrics");
  ASSERT_LE(begin, end);
  const std::string table = table_of_metrics();
  if (std::getenv("RINGGATE_WRITE_DOCS") != nullptr) {
    std::ofstream(file) << text.substr(0, begin) << table << text.substr(end);
    return;
  }
  EXPECT_EQ(text.substr(begin, end - begin), table)
      << "run this test with RINGGATE_WRITE_DOCS=1 and look at what it changed";
}

}  // namespace
}  // namespace ringgate::test
