// The opening handshake as clients see it: each answer a whole HTTP response before the end.
#include <gmock/gmock.h>

#include "tests/integration/ws_client.h"

namespace ringgate::test {
namespace {

using testing::StartsWith;

TEST(WsUpgrade, IsAnsweredInExactlyTheseWords) {
  Bench bench{with_ws()};
  WsSocket client(Socket::connect(bench.gateway.ws_port()));
  const HttpResponse response = client.upgrade();
  EXPECT_EQ(response.head,
            "HTTP/1.1 101 Switching Protocols\r\n"
            "Upgrade: websocket\r\n"
            "Connection: Upgrade\r\n"
            "Sec-WebSocket-Accept: " +
                std::string(kUpgradeAccept) + "\r\n\r\n");
  bench.gateway.wait_metric_is("ringgate_websockets", 1);
  EXPECT_EQ(bench.gateway.metric("ringgate_websocket_upgrades_total"), 1);
  EXPECT_EQ(bench.gateway.metric("ringgate_websocket_upgrades_refused_total"), 0);
}

// As a browser writes it.
const std::vector<std::string> kBrowsersFields = {
    "Pragma: no-cache",
    "Cache-Control: no-cache",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-US,en;q=0.9",
    "Cookie: a=1; b=2",
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"};

std::vector<std::string> browsers_fields(const std::vector<std::string>& more) {
  std::vector<std::string> fields = kBrowsersFields;
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

TEST(WsUpgrade, OfABrowserIsFineFromAnAllowedOriginAndHasNoExtension) {
  Bench bench{with_ws({{"AllowedOrigins", "[https://chat.example.com, http://localhost:3000]"}})};
  for (const char* const origin : {"https://chat.example.com", "http://localhost:3000"}) {
    WsSocket client(Socket::connect(bench.gateway.ws_port()));
    const HttpResponse response =
        client.upgrade(browsers_fields({std::string("Origin: ") + origin}), "/?token=x");
    EXPECT_EQ(response.status, 101) << origin;
    EXPECT_EQ(response.field("Sec-WebSocket-Extensions"), "");
    EXPECT_EQ(response.field("Sec-WebSocket-Protocol"), "");
    client.send_packets(ping());
    EXPECT_EQ(client.next().kind, Event::Kind::kPong);
  }
  WsSocket without(Socket::connect(bench.gateway.ws_port()));
  EXPECT_EQ(without.upgrade().status, 101) << "clients that are no browsers send no Origin";
}

TEST(WsUpgrade, AStarAllowsEveryOrigin) {
  Bench bench{with_ws({{"AllowedOrigins", "\"*\""}})};
  WsSocket client(Socket::connect(bench.gateway.ws_port()));
  EXPECT_EQ(client.upgrade({"Origin: https://anywhere.example"}).status, 101);
}

TEST(WsUpgrade, ASubprotocolIsAnsweredIfItIsConfiguredAndOffered) {
  Bench bench{with_ws({{"Subprotocol", "kim.v1"}})};
  const std::vector<std::pair<std::string, std::string>> offers = {
      {"kim.v1", "kim.v1"}, {"mqtt, kim.v1", "kim.v1"}, {"mqtt", ""}, {"KIM.V1", ""}};
  for (const auto& [offered, answered] : offers) {
    WsSocket client(Socket::connect(bench.gateway.ws_port()));
    const HttpResponse response = client.upgrade({"Sec-WebSocket-Protocol: " + offered});
    EXPECT_EQ(response.status, 101);
    EXPECT_EQ(response.field("Sec-WebSocket-Protocol"), answered) << offered;
  }
  WsSocket client(Socket::connect(bench.gateway.ws_port()));
  EXPECT_EQ(client.upgrade().field("Sec-WebSocket-Protocol"), "");
}

TEST(WsUpgrade, TheConfiguredPathIsTheOnlyOne) {
  Bench bench{{{"Listen", R"(["127.0.0.1:0", "ws://127.0.0.1:0/chat/ws"])"}}};
  WsSocket right(Socket::connect(bench.gateway.ws_port()));
  EXPECT_EQ(right.upgrade({}, "/chat/ws?a=b").status, 101);
  for (const char* const path : {"/", "/chat", "/chat/ws/", "/CHAT/WS"}) {
    WsSocket wrong(Socket::connect(bench.gateway.ws_port()));
    EXPECT_EQ(wrong.upgrade({}, path).status, 404) << path;
  }
}

TEST(WsUpgrade, AStarIsAnyPath) {
  Bench bench{{{"Listen", R"(["127.0.0.1:0", "ws://127.0.0.1:0/*"])"}}};
  for (const char* const path : {"/", "/chat", "/chat/ws/?a=b", "/%7e/x"}) {
    WsSocket client(Socket::connect(bench.gateway.ws_port()));
    EXPECT_EQ(client.upgrade({}, path).status, 101) << path;
  }
}

TEST(WsUpgrade, ASubdomainOfAnAllowedDomain) {
  Bench bench{with_ws({{"AllowedOrigins", "[\"https://*.Example.com:443/\"]"}})};
  for (const char* const origin : {"https://chat.example.com", "https://a.b.example.com"}) {
    WsSocket client(Socket::connect(bench.gateway.ws_port()));
    EXPECT_EQ(client.upgrade({std::string("Origin: ") + origin}).status, 101) << origin;
  }
  for (const char* const origin : {"https://example.com", "http://chat.example.com"}) {
    WsSocket client(Socket::connect(bench.gateway.ws_port()));
    EXPECT_EQ(client.upgrade({std::string("Origin: ") + origin}).status, 403) << origin;
  }
}

TEST(WsUpgrade, ALongCookieAndTheBoundOnIt) {
  Bench bench{with_ws({{"MaxUpgradeRequest", "32KiB"}})};
  WsSocket client(Socket::connect(bench.gateway.ws_port()));
  EXPECT_EQ(client.upgrade({"Cookie: " + std::string(30'000, 'c')}).status, 101);
  WsSocket refused(Socket::connect(bench.gateway.ws_port()));
  EXPECT_EQ(refused.upgrade({"Cookie: " + std::string(33'000, 'c')}).status, 431);
  bench.gateway.wait_metric("ringgate_websocket_upgrades_too_long_total", 1);
}

struct Refusal {
  std::string name;
  std::string request;
  int status;
};
void PrintTo(const Refusal& refusal, std::ostream* to) {
  *to << refusal.name;
}

class WsRefused : public testing::TestWithParam<Refusal> {};

TEST_P(WsRefused, IsAWholeResponseThenTheEnd) {
  Bench bench{with_ws({{"AllowedOrigins", "[https://chat.example.com]"}})};
  WsSocket client(Socket::connect(bench.gateway.ws_port()));
  client.send(GetParam().request);
  const HttpResponse response = client.read_response();
  EXPECT_EQ(response.status, GetParam().status);
  EXPECT_FALSE(response.body.empty());
  EXPECT_EQ(response.field("Content-Length"), std::to_string(response.body.size()));
  EXPECT_THAT(response.field("Connection"), StartsWith("close"));
  EXPECT_EQ(client.next().kind, Event::Kind::kEnd) << "and nothing after it";
  bench.gateway.wait_metric("ringgate_closed_by_reason_total", 1, "upgrade_refused");
  EXPECT_EQ(bench.gateway.metric("ringgate_websocket_upgrades_refused_total"), 1);
  EXPECT_EQ(bench.gateway.metric("ringgate_websocket_upgrades_total"), 0);
  bench.gateway.wait_metric_is("ringgate_clients", 0);
  EXPECT_EQ(bench.gateway.metric("ringgate_websockets"), 0);
  EXPECT_FALSE(bench.link.has_next());
  log_in(bench.gateway, bench.link, "alice", Transport::kWebSocket);
}

// The good request without one of its fields, or with another in its place.
std::string request_with(const std::string& name, const std::string& field) {
  std::string request = upgrade_request();
  const std::size_t at = request.find(name + ":");
  const std::size_t end = request.find("\r\n", at) + 2;
  return request.replace(at, end - at, field.empty() ? "" : field + "\r\n");
}

std::string first_line(const std::string& line) {
  return request_with("GET / HTTP/1.1\r\nHost", line + "\r\nHost: gateway.test");
}

std::vector<Refusal> refusals() {
  const std::string long_field = "X-Long: " + std::string(9000, 'x');
  const std::string frames = ws_frames_of(login(token("mallory")) + ping());
  return {
      {"NotHttp", "\x02" + std::string(100, 'x'), 400},
      {"Tls", "\x16\x03\x01\x02" + std::string(200, 'x'), 400},
      {"TcpLogin", login(token("alice")), 400},
      {"Post", first_line("POST / HTTP/1.1"), 400},
      {"Http10", first_line("GET / HTTP/1.0"), 400},
      {"NoHost", request_with("Host", ""), 400},
      {"NoUpgrade", request_with("Upgrade", ""), 400},
      {"NoConnection", request_with("Connection", "Connection: keep-alive"), 400},
      {"NoKey", request_with("Sec-WebSocket-Key", ""), 400},
      {"BadKey", request_with("Sec-WebSocket-Key", "Sec-WebSocket-Key: short"), 400},
      {"Body", upgrade_request({"Content-Length: 5"}) + "hello", 400},
      {"Page", http_head("GET / HTTP/1.1", {"Host: gateway.test", "Accept: text/html"}), 400},
      {"Origin", upgrade_request({"Origin: https://evil.example"}), 403},
      {"OriginLikeAnAllowedOne", upgrade_request({"Origin: https://chat.example.com.evil.example"}),
       403},
      {"OriginNull", upgrade_request({"Origin: null"}), 403},
      {"OriginAndFrames", upgrade_request({"Origin: https://evil.example"}) + frames, 403},
      {"Path", upgrade_request({}, "/elsewhere"), 404},
      {"Version8", request_with("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8"), 426},
      {"NoVersion", request_with("Sec-WebSocket-Version", ""), 426},
      {"Long", upgrade_request({long_field}), 431},
      {"LongWithoutEnd", "GET / HTTP/1.1\r\n" + long_field, 431},
  };
}

INSTANTIATE_TEST_SUITE_P(WsUpgrade, WsRefused, testing::ValuesIn(refusals()),
                         [](const auto& test) { return test.param.name; });

TEST(WsUpgrade, AnotherVersionIsToldWhichOneToTake) {
  Bench bench{with_ws()};
  WsSocket client(Socket::connect(bench.gateway.ws_port()));
  client.send(request_with("Sec-WebSocket-Version", "Sec-WebSocket-Version: 14"));
  const HttpResponse response = client.read_response();
  EXPECT_EQ(response.status, 426);
  EXPECT_EQ(response.field("Sec-WebSocket-Version"), "13");
  EXPECT_EQ(response.field("Upgrade"), "websocket");
}

TEST(WsUpgrade, WithoutAllowedOriginsNoBrowserComesIn) {
  Bench bench{with_ws()};
  WsSocket client(Socket::connect(bench.gateway.ws_port()));
  EXPECT_EQ(client.upgrade(browsers_fields({"Origin: http://127.0.0.1"})).status, 403);
}

// What is answered must not be lost to a reset because the client has more on its way.
TEST(WsUpgrade, ARefusalArrivesAlthoughTheClientGoesOnSending) {
  Bench bench{with_ws()};
  for (int round = 0; round < 20; ++round) {
    WsSocket client(Socket::connect(bench.gateway.ws_port()));
    client.send(upgrade_request({}, "/elsewhere") + std::string(100'000, 'x'));
    EXPECT_EQ(client.read_response().status, 404);
    EXPECT_EQ(client.next().kind, Event::Kind::kEnd);
  }
}

TEST(WsUpgrade, AWebSocketClientAtTheTcpPortIsClosedWithAReason) {
  Bench bench{with_ws()};
  FrameSocket client = bench.gateway.connect();
  client.send(upgrade_request());
  EXPECT_EQ(client.next().payload, "bad_frame");
  EXPECT_EQ(client.next().kind, Event::Kind::kEnd);
}

}  // namespace
}  // namespace ringgate::test
