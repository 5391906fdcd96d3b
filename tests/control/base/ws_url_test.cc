#include "control/base/ws_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringgate {
namespace {

TEST(WsUrl, ParsesWhatPeopleWrite) {
  EXPECT_EQ(parse_ws_url("ws://127.0.0.1:8000/").value(), (WsUrl{{"127.0.0.1", 8000}, "/"}));
  EXPECT_EQ(parse_ws_url("ws://gateway.example:8000/chat/ws?a=b/c?d").value(),
            (WsUrl{{"gateway.example", 8000}, "/chat/ws?a=b/c?d"}));
  EXPECT_EQ(parse_ws_url("ws://[::1]:8000/").value(), (WsUrl{{"::1", 8000}, "/"}));
  EXPECT_EQ(parse_ws_url("WS://host:1/Path").value(), (WsUrl{{"host", 1}, "/Path"}));
}

TEST(WsUrl, FillsInWhatIsLeftOut) {
  EXPECT_EQ(parse_ws_url("ws://host").value(), (WsUrl{{"host", 80}, "/"}));
  EXPECT_EQ(parse_ws_url("ws://[::1]").value(), (WsUrl{{"::1", 80}, "/"}));
  EXPECT_EQ(parse_ws_url("ws://[::1]/x").value(), (WsUrl{{"::1", 80}, "/x"}));
  EXPECT_EQ(parse_ws_url("ws://host:8000").value(), (WsUrl{{"host", 8000}, "/"}));
  EXPECT_EQ(parse_ws_url("ws://host:8000?a=b").value(), (WsUrl{{"host", 8000}, "/?a=b"}));
  EXPECT_EQ(parse_ws_url("ws://host/a:b").value(), (WsUrl{{"host", 80}, "/a:b"}));
}

TEST(WsUrl, AnEmptyHostIsForListeners) {
  EXPECT_EQ(parse_ws_url("ws://:8000/").value(), (WsUrl{{"", 8000}, "/"}));
  EXPECT_EQ(parse_ws_url("ws://:0").value(), (WsUrl{{"", 0}, "/"}));
}

TEST(WsUrl, RefusesTheRestAsUsage) {
  for (const char* text : {"",
                           "ws:",
                           "ws:/host/",
                           "ws://",
                           "ws:///path",
                           "host:8000",
                           "http://host:8000/",
                           "ws://host:/",
                           "ws://host:65536/",
                           "ws://host:http/",
                           "ws://::1/",
                           "ws://::1:80/",
                           "ws://[localhost]/",
                           "ws://[::1/",
                           "ws://[::1]80/",
                           "ws://user:word@host:80/",
                           "ws://ho st:80/",
                           "ws://host:80/a b",
                           "ws://host:80/a\r\nX: y",
                           "ws://host:80/\xc3\xa9",
                           "ws://host:80/#fragment",
                           "ws://host#fragment"}) {
    const Result<WsUrl> url = parse_ws_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().exit_code, 2) << text;
    EXPECT_FALSE(url.error().message.empty());
  }
}

TEST(WsUrl, OverTlsHasAPortOfItsOwn) {
  EXPECT_EQ(parse_ws_url("wss://host/chat").value(), (WsUrl{{"host", 443}, "/chat", true}));
  EXPECT_EQ(parse_ws_url("WSS://host:8443").value(), (WsUrl{{"host", 8443}, "/", true}));
}

}  // namespace
}  // namespace ringgate
