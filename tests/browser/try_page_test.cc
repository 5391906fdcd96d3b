#include "services/process/pages/try_page.h"

#include <gtest/gtest.h>

#include "services/auth/development.h"
#include "services/auth/token.h"

namespace ringgate {
namespace {

constexpr std::int64_t kNowSeconds = 1'700'000'000;

std::string token_in(const std::string& json) {
  const std::string begin = R"({"token": ")";
  EXPECT_TRUE(json.starts_with(begin) && json.ends_with("\"}")) << json;
  return json.substr(begin.size(), json.size() - begin.size() - 2);
}

http::Reply ask_token(std::map<std::string, std::string> query) {
  return try_token_reply({"/try/token", std::move(query)}, kDevelopmentSecret, kNowSeconds);
}

TEST(TryPage, GivesTokensThatLogInForADay) {
  TokenVerifier verifier({std::string(kDevelopmentSecret)});
  TokenClaims claims;
  http::Reply reply = ask_token({{"account", "alice"}});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "application/json");
  ASSERT_EQ(verifier.verify(token_in(reply.body), kNowSeconds, claims), TokenStatus::kOk);
  EXPECT_EQ(claims.account, "alice");
  EXPECT_EQ(claims.app, "kim");
  EXPECT_EQ(claims.expires_at_s, kNowSeconds + 24 * 3600);

  reply = ask_token({{"account", "Zoë \"Z\""}, {"app", "other"}});
  ASSERT_EQ(verifier.verify(token_in(reply.body), kNowSeconds, claims), TokenStatus::kOk);
  EXPECT_EQ(claims.account, "Zoë \"Z\"");
  EXPECT_EQ(claims.app, "other");
}

TEST(TryPage, RefusesAccountsThatNobodyCanHave) {
  const std::map<std::string, std::string> bad[] = {
      {},
      {{"account", ""}},
      {{"account", "a,b"}},
      {{"account", "a\n"}},
      {{"account", "\xff"}},
      {{"account", std::string(kMaxAccountBytes + 1, 'a')}},
      {{"account", "alice"}, {"app", ""}}};
  for (const auto& query : bad) {
    const http::Reply reply = ask_token(query);
    EXPECT_EQ(reply.status, 400);
    EXPECT_TRUE(reply.body.ends_with(".\n")) << reply.body;
    EXPECT_EQ(reply.body.find("token"), std::string::npos);
  }
}

TEST(TryPage, SaysWhereToConnect) {
  EXPECT_EQ(try_config_json({}, false), R"({"ws": [], "development": false})");
  EXPECT_EQ(try_config_json({"ws://127.0.0.1:8000/", "ws://[::1]:81/chat"}, true),
            R"({"ws": ["ws://127.0.0.1:8000/", "ws://[::1]:81/chat"], "development": true})");
  // JSON, whatever a path has in it.
  EXPECT_EQ(try_config_json({"odd\"\\\n"}, true),
            R"({"ws": ["odd\"\\\u000a"], "development": true})");
}

TEST(TryPage, LeavesOutTheHostThatMeansAllInterfaces) {
  EXPECT_EQ(try_config_json({"ws://0.0.0.0:8000/", "ws://[::]:8001/a/b", "ws://:8002/"}, false),
            R"({"ws": ["ws://:8000/", "ws://:8001/a/b", "ws://:8002/"], "development": false})");
}

// The digest of the empty string, and of "x" (echo -n x | openssl dgst -sha256 -binary | base64).
TEST(TryPage, PolicyNamesTheHashesOfItsScriptAndStyle) {
  const std::string none = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='";
  const std::string of_x = "'sha256-LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE='";
  EXPECT_TRUE(try_page_policy("").starts_with("default-src 'none'; script-src " + none));
  const std::string policy =
      try_page_policy("<style>x</style><script>x</script><script>y</script>");
  EXPECT_NE(policy.find("script-src " + of_x + ";"), std::string::npos) << policy;
  EXPECT_NE(policy.find("style-src " + of_x + ";"), std::string::npos) << policy;
}

TEST(TryPage, IsOneFileThatNeedsNothingFromElsewhere) {
  const std::string_view html = try_page_html();
  EXPECT_TRUE(html.starts_with("<!DOCTYPE html>"));
  EXPECT_TRUE(html.ends_with("</html>\n"));
  for (const char* const never : {"https://", "innerHTML", "eval(", "<script src", "@import"}) {
    EXPECT_EQ(html.find(never), std::string_view::npos) << never;
  }
}

}  // namespace
}  // namespace ringgate
