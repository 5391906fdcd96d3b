// Where a client really comes from, when a proxy says so: X-Forwarded-For and the PROXY protocol
// are believed from configured addresses only. The login service is told in Session.remoteIP.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <csignal>
#include <filesystem>

#include "tests/integration/ws_client.h"

namespace ringgate::test {
namespace {

std::string remote_ip(Link& login_service) {
  return login_service.request("login.signin").parse<pkt::Session>().remoteip();
}

// --- X-Forwarded-For ----------------------------------------------------------------------------

struct Forwarded {
  std::string name;
  std::string trusted;  // TrustedProxies
  const char* from;
  std::vector<std::string> fields;
  std::string remote_ip;
};
void PrintTo(const Forwarded& forwarded, std::ostream* to) {
  *to << forwarded.name;
}

class XForwardedFor : public testing::TestWithParam<Forwarded> {};

TEST_P(XForwardedFor, IsBelievedFromTrustedProxiesOnly) {
  Bench bench{with_ws({{"TrustedProxies", GetParam().trusted}})};
  WsSocket client(connect_from(GetParam().from, bench.gateway.ws_port()));
  EXPECT_EQ(client.upgrade(GetParam().fields).status, 101);
  client.send_packets(login(token("alice")));
  EXPECT_EQ(remote_ip(bench.link), GetParam().remote_ip);
}

const Forwarded kForwarded[] = {
    {"None", "", "127.0.0.1", {}, "127.0.0.1"},
    {"NobodyIsTrusted", "", "127.0.0.1", {"X-Forwarded-For: 203.0.113.7"}, "127.0.0.1"},
    {"Believed", "[127.0.0.1]", "127.0.0.1", {"X-Forwarded-For: 203.0.113.7"}, "203.0.113.7"},
    {"FromAnotherAddress",
     "[127.0.0.1]",
     "127.0.0.2",
     {"X-Forwarded-For: 203.0.113.7"},
     "127.0.0.2"},
    {"FromARange", "[127.0.0.0/30]", "127.0.0.2", {"X-Forwarded-For: 203.0.113.7"}, "203.0.113.7"},
    {"TrustedButSilent", "[127.0.0.1]", "127.0.0.1", {}, "127.0.0.1"},
    {"RightmostThatIsNoProxy",
     "[127.0.0.1, 10.0.0.0/8]",
     "127.0.0.1",
     {"X-Forwarded-For: 6.6.6.6, 203.0.113.7, 10.1.2.3"},
     "203.0.113.7"},
    {"InTwoFields",
     "[127.0.0.1, 10.0.0.0/8]",
     "127.0.0.1",
     {"X-Forwarded-For: 6.6.6.6, 203.0.113.7", "x-forwarded-for: 10.1.2.3"},
     "203.0.113.7"},
    {"AllAreProxies",
     "[127.0.0.1, 10.0.0.0/8]",
     "127.0.0.1",
     {"X-Forwarded-For: 10.9.9.9, 10.1.2.3"},
     "10.9.9.9"},
    {"Ipv6", "[127.0.0.1]", "127.0.0.1", {"X-Forwarded-For: 2001:db8::7"}, "2001:db8::7"},
    {"Nonsense", "[127.0.0.1]", "127.0.0.1", {"X-Forwarded-For: 6.6.6.6, unknown"}, "127.0.0.1"},
    {"Empty", "[127.0.0.1]", "127.0.0.1", {"X-Forwarded-For:"}, "127.0.0.1"},
};

INSTANTIATE_TEST_SUITE_P(Proxy, XForwardedFor, testing::ValuesIn(kForwarded),
                         [](const auto& test) { return test.param.name; });

// --- PROXY --------------------------------------------------------------------------------------

constexpr const char* kV1 = "PROXY TCP4 203.0.113.7 192.0.2.1 40000 443\r\n";

std::string v2(std::uint8_t command, std::uint8_t family, std::string_view addresses) {
  std::string bytes("\r\n\r\n\0\r\nQUIT\n", 12);
  bytes += static_cast<char>(0x20U | command);
  bytes += static_cast<char>(family);
  bytes += static_cast<char>(addresses.size() >> 8U);
  bytes += static_cast<char>(addresses.size());
  return bytes.append(addresses);
}

std::string v2_tcp4(std::size_t tlv_bytes = 0) {
  const std::string addresses("\xcb\x00\x71\x07\xc0\x00\x02\x01\x9c\x40\x01\xbb", 12);
  return v2(1, 0x11, addresses + std::string(tlv_bytes, '\x20'));
}

std::string v2_tcp6() {
  std::string addresses(36, '\0');
  inet_pton(AF_INET6, "2001:db8::7", addresses.data());
  return v2(1, 0x21, addresses);
}

struct Proxied {
  std::string name;
  std::string header;
  std::string remote_ip;
};
void PrintTo(const Proxied& proxied, std::ostream* to) {
  *to << proxied.name;
}

// Nobody answers the logins: how long that may take is for other tests.
const Settings kProxySettings = {
    {"TrustedProxies", "[127.0.0.1]"}, {"ProxyProtocol", "true"}, {"LoginAnswerTimeout", "60s"}};

// A login as a client of that kind sends it from its first byte on, and a ping behind it.
std::string first_bytes(Transport transport) {
  const std::string packets = login(token("alice")) + ping();
  return transport == Transport::kTcp ? packets : upgrade_request() + ws_frames_of(packets);
}

std::uint16_t port_of(const Server& gateway, Transport transport) {
  return transport == Transport::kTcp ? gateway.port() : gateway.ws_port();
}

class ProxyHeader : public testing::TestWithParam<std::tuple<Proxied, Transport>> {
 protected:
  const Proxied& proxied() const { return std::get<0>(GetParam()); }
  Transport transport() const { return std::get<1>(GetParam()); }
};

TEST_P(ProxyHeader, NamesTheSourceAndWhatFollowsInOneWriteIsNotLost) {
  Bench bench{with_ws(kProxySettings)};
  Socket client = connect_from("127.0.0.1", port_of(bench.gateway, transport()));
  client.write_all(proxied().header + first_bytes(transport()));
  const Event request = bench.link.request("login.signin");
  EXPECT_EQ(request.parse<pkt::Session>().remoteip(), proxied().remote_ip);
  bench.link.respond(request);
  if (transport() == Transport::kTcp) {
    FrameSocket frames(std::move(client));
    EXPECT_TRUE(frames.next().is_answer(1));
    EXPECT_EQ(frames.next().kind, Event::Kind::kPong);
  } else {
    WsSocket frames(std::move(client));
    EXPECT_EQ(frames.read_response().status, 101);
    EXPECT_TRUE(frames.next().is_answer(1));
    EXPECT_EQ(frames.next().kind, Event::Kind::kPong);
  }
}

TEST_P(ProxyHeader, MayComeByteByByte) {
  Bench bench{with_ws(kProxySettings)};
  Socket client = connect_from("127.0.0.1", port_of(bench.gateway, transport()));
  const std::string bytes = proxied().header + first_bytes(transport());
  for (const char byte : bytes) client.write_all(std::string_view(&byte, 1));
  EXPECT_EQ(remote_ip(bench.link), proxied().remote_ip);
}

INSTANTIATE_TEST_SUITE_P(
    Proxy, ProxyHeader,
    testing::Combine(testing::Values(Proxied{"V1Tcp4", kV1, "203.0.113.7"},
                                     Proxied{"V1Tcp6",
                                             "PROXY TCP6 2001:db8::7 2001:db8::1 40000 443\r\n",
                                             "2001:db8::7"},
                                     Proxied{"V1Unknown", "PROXY UNKNOWN\r\n", "127.0.0.1"},
                                     Proxied{"V2Tcp4", v2_tcp4(), "203.0.113.7"},
                                     Proxied{"V2ACertificate", v2_tcp4(5000), "203.0.113.7"},
                                     Proxied{"V2Tcp6", v2_tcp6(), "2001:db8::7"},
                                     Proxied{"V2Local", v2(0, 0, ""), "127.0.0.1"}),
                     testing::Values(Transport::kTcp, Transport::kWebSocket)),
    [](const auto& test) {
      return std::get<0>(test.param).name + name_of(std::get<1>(test.param));
    });

class Proxies : public testing::TestWithParam<Transport> {
 protected:
  static std::vector<std::string> bad_headers() {
    return {"PROXY TCP4 203.0.113.7 192.0.2.1 40000\r\n", "PROXY TCP4 300.1.1.1 1.1.1.1 1 2\r\n",
            "PROXY " + std::string(200, 'x'), v2(7, 0x11, "x"), v2(1, 0x11, "short")};
  }
};

TEST_P(Proxies, ABadHeaderOrNoneClosesTheConnectionInSilence) {
  Bench bench{with_ws(kProxySettings)};
  std::vector<std::string> bad = bad_headers();
  bad.push_back(first_bytes(GetParam()));  // none
  int closed = 0;
  for (const std::string& bytes : bad) {
    FrameSocket client(connect_from("127.0.0.1", port_of(bench.gateway, GetParam())));
    client.send(bytes);
    EXPECT_EQ(client.next().kind, Event::Kind::kEnd) << bytes;
    bench.gateway.wait_metric_is("ringgate_closed_by_reason_total", ++closed, "bad_proxy_header");
  }
  EXPECT_FALSE(bench.link.has_next());
}

TEST_P(Proxies, AHeaderAboveItsBoundIsToldOnce) {
  Settings settings = with_ws(kProxySettings);
  settings["MaxProxyHeader"] = "1KiB";
  Bench bench{settings};
  for (int closed = 1; closed <= 5; ++closed) {
    FrameSocket client(connect_from("127.0.0.1", port_of(bench.gateway, GetParam())));
    client.send(v2_tcp4(1024 - 28 + 1));
    EXPECT_EQ(client.next().kind, Event::Kind::kEnd);
    bench.gateway.wait_metric("ringgate_closed_by_reason_total", closed, "proxy_header_too_long");
    if (closed == 1) bench.gateway.process().wait_for_line("above MaxProxyHeader");
  }
  bench.gateway.process().signal(SIGTERM);
  const std::string log = bench.gateway.process().whole_output();
  EXPECT_EQ(log.find("above MaxProxyHeader"), log.rfind("above MaxProxyHeader")) << log;
}

TEST_P(Proxies, HalfAHeaderThenSilenceIsClosedAfterLoginWait) {
  Settings settings = with_ws(kProxySettings);
  settings["LoginWait"] = "150ms";
  Bench bench{settings};
  FrameSocket client(connect_from("127.0.0.1", port_of(bench.gateway, GetParam())));
  client.send("PROXY TCP4 203.0");
  EXPECT_EQ(client.next().kind, Event::Kind::kEnd);
  bench.gateway.wait_metric("ringgate_closed_by_reason_total", 1, "login_timeout");
}

TEST_P(Proxies, OthersNeedNoHeaderAndTheirsIsRefused) {
  Bench bench{with_ws(kProxySettings)};
  Socket plain = connect_from("127.0.0.2", port_of(bench.gateway, GetParam()));
  plain.write_all(first_bytes(GetParam()));
  EXPECT_EQ(remote_ip(bench.link), "127.0.0.2");

  for (const std::string& header : {std::string(kV1), v2_tcp4()}) {
    Socket forged = connect_from("127.0.0.2", port_of(bench.gateway, GetParam()));
    forged.write_all(header + first_bytes(GetParam()));
    if (GetParam() == Transport::kTcp) {
      FrameSocket frames(std::move(forged));
      EXPECT_EQ(frames.next().payload, "bad_frame");
      EXPECT_EQ(frames.next().kind, Event::Kind::kEnd);
    } else {
      WsSocket frames(std::move(forged));
      EXPECT_EQ(frames.read_response().status, 400);
      EXPECT_EQ(frames.next().kind, Event::Kind::kEnd);
    }
  }
  EXPECT_FALSE(bench.link.has_next());
}

TEST_P(Proxies, WithoutProxyProtocolAHeaderIsRefusedEvenFromATrustedOne) {
  Bench bench{with_ws({{"TrustedProxies", "[127.0.0.1]"}})};
  Socket client = connect_from("127.0.0.1", port_of(bench.gateway, GetParam()));
  client.write_all(kV1 + first_bytes(GetParam()));
  std::string bytes;
  while (client.read_some(bytes)) {
  }
  EXPECT_FALSE(bench.link.has_next());
}

TEST_P(Proxies, TheBoundPerAddressIsOfTheSourceNotOfTheProxy) {
  Settings settings = with_ws(kProxySettings);
  settings["MaxConnectionsPerAddress"] = "2";
  Bench bench{settings};
  const auto connect_as = [&](const std::string& source) {
    Socket client = connect_from("127.0.0.1", port_of(bench.gateway, GetParam()));
    client.write_all("PROXY TCP4 " + source + " 192.0.2.1 40000 443\r\n" + first_bytes(GetParam()));
    return client;
  };
  std::vector<Socket> held;
  for (const char* const source : {"203.0.113.7", "203.0.113.7", "203.0.113.8", "203.0.113.8"}) {
    held.push_back(connect_as(source));
    const auto signin = bench.link.request("login.signin");
    EXPECT_EQ(signin.parse<pkt::Session>().remoteip(), source);
    bench.link.respond(signin);
  }
  Socket third = connect_as("203.0.113.7");
  std::string bytes;
  while (third.read_some(bytes)) {
  }
  bench.gateway.wait_metric("ringgate_closed_by_reason_total", 1, "too_many_from_address");
  EXPECT_FALSE(bench.link.has_next());
  held.front().reset();
  bench.gateway.wait_metric_is("ringgate_clients", 3);
  bench.link.request("login.signout");
  held.push_back(connect_as("203.0.113.7"));
  EXPECT_EQ(remote_ip(bench.link), "203.0.113.7");
}

INSTANTIATE_TEST_SUITE_P(Proxy, Proxies, testing::Values(Transport::kTcp, Transport::kWebSocket),
                         [](const auto& test) { return name_of(test.param); });

TEST(Proxy, OneListenerMayTakeHeadersWhereOthersDoNot) {
  for (const bool by_default : {false, true}) {
    const std::string wants = by_default ? "" : "?proxy=required";
    const std::string without = by_default ? "?proxy=off" : "";
    Bench bench{
        {{"Listen", R"(["127.0.0.1:0)" + wants + R"(", "ws://127.0.0.1:0/)" + without + R"("])"},
         {"TrustedProxies", "[127.0.0.1]"},
         {"ProxyProtocol", by_default ? "true" : "false"},
         {"LoginAnswerTimeout", "60s"}}};
    Socket proxied = connect_from("127.0.0.1", bench.gateway.port());
    proxied.write_all(kV1 + first_bytes(Transport::kTcp));
    EXPECT_EQ(remote_ip(bench.link), "203.0.113.7");
    Socket plain = connect_from("127.0.0.1", bench.gateway.ws_port());
    plain.write_all(first_bytes(Transport::kWebSocket));
    EXPECT_EQ(remote_ip(bench.link), "127.0.0.1");
  }
}

// Whoever may open it is a proxy: nobody else has to be named.
TEST(Proxy, OfThisMachineComesThroughASocketInTheFileSystem) {
  const TempDir folder;
  const std::string socket = (folder.path() / "g.sock").string();
  Bench bench{{{"Listen", R"(["127.0.0.1:0", "unix:)" + socket + R"(?proxy=required", "ws+unix:)" +
                              socket + R"(2:/chat"])"},
               {"LoginAnswerTimeout", "60s"},
               {"DrainTime", "100ms"}}};
  Socket tcp = connect_unix(socket);
  tcp.write_all(kV1 + first_bytes(Transport::kTcp));
  EXPECT_EQ(remote_ip(bench.link), "203.0.113.7");

  WsSocket ws(connect_unix(socket + "2"));
  ws.send(upgrade_request({"X-Forwarded-For: 203.0.113.8"}, "/chat"));
  EXPECT_EQ(ws.read_response().status, 101);
  ws.send_packets(login(token("bob")));
  EXPECT_EQ(remote_ip(bench.link), "203.0.113.8");

  bench.gateway.process().signal(SIGTERM);
  EXPECT_EQ(bench.gateway.process().wait_exit(), 0);
  EXPECT_FALSE(std::filesystem::exists(socket));
}

// A TCP balancer in front of an HTTP proxy: what the first says, the second's header is judged by.
TEST(Proxy, XForwardedForIsBelievedOfTheProxyThatThePROXYHeaderNames) {
  Bench bench{with_ws({{"TrustedProxies", "[127.0.0.1, 10.0.0.0/8]"}, {"ProxyProtocol", "true"}})};
  const std::vector<std::pair<std::string, std::string>> cases = {{"10.1.2.3", "203.0.113.7"},
                                                                  {"192.0.2.9", "192.0.2.9"}};
  for (const auto& [named, expected] : cases) {
    WsSocket client(connect_from("127.0.0.1", bench.gateway.ws_port()));
    client.send("PROXY TCP4 " + named + " 192.0.2.1 40000 443\r\n");
    EXPECT_EQ(client.upgrade({"X-Forwarded-For: 203.0.113.7"}).status, 101);
    client.send_packets(login(token("alice")));
    EXPECT_EQ(remote_ip(bench.link), expected);
    client.socket().close();
    bench.link.request("login.signout");
  }
}

}  // namespace
}  // namespace ringgate::test
