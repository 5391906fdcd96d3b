#include "control/config/origin.h"

#include <gtest/gtest.h>

#include "codec/ws_origin.h"

namespace ringgate {
namespace {

std::string parsed(std::string_view text) {
  const auto origin = parse_origin(text);
  return origin ? *origin : "refused";
}

std::string error_of(std::string_view text) {
  const auto origin = parse_origin(text);
  if (origin) return "(taken)";
  EXPECT_EQ(origin.error().exit_code, 2);
  return origin.error().message;
}

TEST(Origin, IsWrittenAsBrowsersSendIt) {
  EXPECT_EQ(parsed("https://a.example"), "https://a.example");
  EXPECT_EQ(parsed("HTTPS://A.Example"), "https://a.example");
  EXPECT_EQ(parsed("https://a.example:443"), "https://a.example");
  EXPECT_EQ(parsed("http://a.example:80"), "http://a.example");
  EXPECT_EQ(parsed("http://a.example:443"), "http://a.example:443");
  EXPECT_EQ(parsed("https://a.example:08443"), "https://a.example:8443");
  EXPECT_EQ(parsed("https://a.example/"), "https://a.example");
  EXPECT_EQ(parsed("https://a.example:443/"), "https://a.example");
  EXPECT_EQ(parsed("http://[0:0::1]:8080"), "http://[::1]:8080");
  EXPECT_EQ(parsed("http://192.0.2.1"), "http://192.0.2.1");
  EXPECT_EQ(parsed("https://xn--bcher-kva.example"), "https://xn--bcher-kva.example");
  EXPECT_EQ(parsed("capacitor://localhost"), "capacitor://localhost");
  EXPECT_EQ(parsed("chrome-extension://abcdef"), "chrome-extension://abcdef");
  for (const char* text : {"*", "null", "file://", "https://*.a.example",
                           "https://*.a.example:8443", "http://localhost:3000"}) {
    EXPECT_EQ(parsed(text), text);
  }
}

TEST(Origin, WhatNoBrowserSendsIsRefusedWithTheReason) {
  const std::pair<const char*, const char*> cases[] = {
      {"a.example", "has no scheme"},
      {"*.a.example", "has no scheme"},
      {"", "has no scheme"},
      {"https://a.example/chat", "has no path"},
      {"https://a.example//", "has no path"},
      {"https://a.example?x", "has no path"},
      {"https://me@a.example", "no user"},
      {"wss://a.example", "write https://"},
      {"ws://a.example", "write http://"},
      {"://a.example", "not a scheme"},
      {"h_t://a.example", "not a scheme"},
      {"https://", "not a host"},
      {"https://a b", "not a host"},
      {"https://.a.example", "not a host"},
      {"https://a..example", "not a host"},
      {"https://*", "alone for all"},
      {"https://a*.example", "all below a domain"},
      {"https://*.*.example", "all below a domain"},
      {"https://b\xc3\xbc"
       "cher.example",
       "xn--"},
      {"https://a.example:0", "1 to 65535"},
      {"https://a.example:", "1 to 65535"},
      {"https://a.example:65536", "1 to 65535"},
      {"https://a.example:*", "1 to 65535"},
      {"https://[::g]", "not an IPv6"},
      {"https://::1", "not a host"},
  };
  for (const auto& [text, said] : cases) {
    EXPECT_NE(error_of(text).find(said), std::string::npos) << text << ": " << error_of(text);
  }
}

// Whatever is taken is an entry that some request matches.
TEST(Origin, WhatIsTakenMatches) {
  for (const char* text : {"https://A.example:443/", "http://a.example:8080", "null", "file://",
                           "http://[::1]:80", "capacitor://localhost"}) {
    EXPECT_TRUE(origin_matches(parsed(text), parsed(text))) << text;
  }
  EXPECT_TRUE(origin_matches(parsed("https://*.A.example:443"), "https://b.a.example"));
}

}  // namespace
}  // namespace ringgate
