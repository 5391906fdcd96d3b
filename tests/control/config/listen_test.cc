#include "control/config/listen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace ringgate {
namespace {

using testing::HasSubstr;

ListenSpec good(std::string_view text) {
  const Result<ListenSpec> listen = parse_listen(text);
  EXPECT_TRUE(listen) << text << ": " << listen.error().message;
  return listen.value_or(ListenSpec{});
}

std::string error_of(std::string_view text) {
  const Result<ListenSpec> listen = parse_listen(text);
  EXPECT_FALSE(listen) << text;
  return listen ? "" : listen.error().message;
}

ListenSpec over_tls(ListenSpec listen) {
  listen.tls = true;
  return listen;
}

TEST(Listen, HasASchemeOrNone) {
  EXPECT_EQ(good(":8000"), (ListenSpec{{"", 8000}}));
  EXPECT_EQ(good("tcp://[::1]:8000"), (ListenSpec{{"::1", 8000}}));
  EXPECT_EQ(good("ws://:8000/chat"), (ListenSpec{{"", 8000}, Transport::kWebSocket, "/chat"}));
  EXPECT_EQ(good("TLS://:8443"), over_tls(ListenSpec{{"", 8443}}));
  EXPECT_EQ(good("wss://127.0.0.1:1/*"),
            over_tls(ListenSpec{{"127.0.0.1", 1}, Transport::kWebSocket, "/*"}));
}

TEST(Listen, OfWebSocketHasTheWebsPorts) {
  EXPECT_EQ(good("ws://a.example/").endpoint.port, 80);
  EXPECT_EQ(good("wss://a.example/").endpoint.port, 443);
}

TEST(Listen, OnASocketOfThisMachineHasItsWholePath) {
  const ListenSpec tcp = good("unix:/run/ringgate.sock");
  EXPECT_EQ(tcp.socket, "/run/ringgate.sock");
  EXPECT_EQ(tcp.transport, Transport::kTcp);
  const ListenSpec ws = good("ws+unix:/run/ringgate.sock:/chat/*");
  EXPECT_EQ(ws.socket, "/run/ringgate.sock");
  EXPECT_EQ(ws.transport, Transport::kWebSocket);
  EXPECT_EQ(ws.path, "/chat/*");
  EXPECT_EQ(good("ws+unix:/run/ringgate.sock").path, "/");
  EXPECT_THAT(error_of("unix:ringgate.sock"), HasSubstr("write the whole path"));
  EXPECT_THAT(error_of("unix:"), HasSubstr("write the whole path"));
  EXPECT_THAT(error_of("unix:/" + std::string(107, 'a')), HasSubstr("at most 107 bytes"));
  EXPECT_THAT(error_of("ws+unix:/a:/b*"), HasSubstr("a * may only be"));
}

TEST(Listen, HasOptionsBehindAQuestionMark) {
  EXPECT_EQ(good(":8000").proxy_header, std::nullopt);
  EXPECT_EQ(good(":8000?proxy=required").proxy_header, true);
  EXPECT_EQ(good("ws://:8000/chat?proxy=off").proxy_header, false);
  EXPECT_EQ(good("unix:/a?proxy=required").proxy_header, true);
  const ListenSpec both = good("tls://:8443?proxy=required&client_cert=off");
  EXPECT_EQ(both.proxy_header, true);
  EXPECT_EQ(both.client_certificate, false);
  EXPECT_THAT(error_of(":8000?proxy=yes"), HasSubstr("proxy takes required or off"));
  EXPECT_THAT(error_of(":8000?proxy"), HasSubstr("proxy takes required or off"));
  EXPECT_THAT(error_of(":8000?proxy=off&proxy=off"), HasSubstr("proxy is there twice"));
  EXPECT_THAT(error_of(":8000?client_cert=off"), HasSubstr("of tls:// and wss:// only"));
  EXPECT_THAT(error_of("ws://:8000/?a=b"), HasSubstr("a path to listen on has no query"));
}

TEST(Listen, OnePlaceIsThereOnce) {
  const auto are_apart = [](std::string_view one, std::string_view other) {
    const ListenSpec others[] = {good(one)};
    return check_apart(others, good(other)).has_value();
  };
  EXPECT_FALSE(are_apart(":1", "ws://:1/a"));
  EXPECT_TRUE(are_apart(":0", ":0"));
  EXPECT_FALSE(are_apart("unix:/a", "ws+unix:/a:/b"));
  EXPECT_TRUE(are_apart("unix:/a", "unix:/b"));
}

}  // namespace
}  // namespace ringgate
