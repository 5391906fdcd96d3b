#include "codec/ws_origin.h"

#include <gtest/gtest.h>

namespace ringgate {
namespace {

TEST(WsOrigin, IsItself) {
  EXPECT_TRUE(origin_matches("https://a.example", "https://a.example"));
  EXPECT_TRUE(origin_matches("https://a.example", "HTTPS://A.Example"));
  EXPECT_TRUE(origin_matches("https://a.example:8443", "https://a.example:8443"));
  EXPECT_TRUE(origin_matches("null", "null"));
  EXPECT_TRUE(origin_matches("file://", "file://"));
  EXPECT_TRUE(origin_matches("*", "null"));
  for (const char* origin : {"http://a.example", "https://a.example:8443", "https://b.example",
                             "https://a.example.evil.example", "https://xa.example", "null", "",
                             "https://", "*", "https://a.example/"}) {
    EXPECT_FALSE(origin_matches("https://a.example", origin)) << origin;
  }
}

TEST(WsOrigin, TheSchemesOwnPortIsNoPort) {
  EXPECT_TRUE(origin_matches("https://a.example", "https://a.example:443"));
  EXPECT_TRUE(origin_matches("http://a.example", "http://a.example:80"));
  EXPECT_TRUE(origin_matches("https://a.example:443", "https://a.example"));
  EXPECT_FALSE(origin_matches("https://a.example", "https://a.example:80"));
  EXPECT_FALSE(origin_matches("http://a.example", "http://a.example:443"));
  EXPECT_FALSE(origin_matches("capacitor://a", "capacitor://a:443"));
}

TEST(WsOrigin, AllBelowADomainButNotItself) {
  constexpr std::string_view kBelow = "https://*.a.example";
  for (const char* origin : {"https://b.a.example", "https://c.b.a.example", "https://B.A.Example",
                             "https://b.a.example:443", "https://1-x_y.a.example"}) {
    EXPECT_TRUE(origin_matches(kBelow, origin)) << origin;
  }
  for (const char* origin :
       {"https://a.example", "https://.a.example", "http://b.a.example", "https://b.a.example:8443",
        "https://ba.example", "https://b.a.example.evil.example", "https://evil.example/.a.example",
        "https://evil.example:1.a.example", "https://evil@b.a.example", "https://*.a.example",
        "https://", "", "https://b c.a.example", "null"}) {
    EXPECT_FALSE(origin_matches(kBelow, origin)) << origin;
  }
  EXPECT_TRUE(origin_matches("https://*.a.example:8443", "https://b.a.example:8443"));
  EXPECT_FALSE(origin_matches("https://*.a.example:8443", "https://b.a.example"));
}

}  // namespace
}  // namespace ringgate
