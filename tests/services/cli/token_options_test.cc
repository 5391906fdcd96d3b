#include "services/cli/token_options.h"

#include <gtest/gtest.h>

#include <string>

#include "services/auth/token.h"

namespace ringgate {
namespace {

constexpr std::int64_t kNow = 1'700'000'000;

TEST(TokenOptions, ReadsLifetimes) {
  EXPECT_EQ(parse_ttl_s("24h").value_or(0), 86'400);
  EXPECT_EQ(parse_ttl_s("90m").value_or(0), 5'400);
  EXPECT_EQ(parse_ttl_s("30s").value_or(0), 30);
  EXPECT_EQ(parse_ttl_s("7d").value_or(0), 604'800);
  EXPECT_EQ(parse_ttl_s("45").value_or(0), 45);
  for (const char* text : {"", "h", "0s", "-1h", "1.5h", "1w", "1 h", "999999999999999999h"}) {
    const Result<std::int64_t> ttl = parse_ttl_s(text);
    ASSERT_FALSE(ttl) << text;
    EXPECT_EQ(ttl.error().exit_code, 2);
  }
}

TEST(TokenOptions, MakesATokenThatLogsIn) {
  TokenOptions options;
  options.account = "alice";
  options.ttl = "60s";
  options.secret = std::string(kDevelopmentSecret);
  const Result<std::string> token = make_token(options, kNow);
  ASSERT_TRUE(token);
  TokenVerifier verifier({std::string(kDevelopmentSecret)});
  TokenClaims claims;
  EXPECT_EQ(verifier.verify(*token, kNow, claims), TokenStatus::kOk);
  EXPECT_EQ(claims.expires_at_s, kNow + 60);
  options.account = "a,b";
  EXPECT_FALSE(make_token(options, kNow));
}

TEST(TokenOptions, DoesNotTakeAnEmptySecretForNone) {
  TokenOptions options;
  options.account = "alice";
  options.secret = "";
  const Result<std::string> token = make_token(options, kNow);
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().exit_code, 2);
}

// As a gateway reads it: else tokens would be signed with what no gateway takes.
TEST(TokenOptions, ASecretFileIsBoundedAndSomethingThatIsMeant) {
  TokenOptions options;
  options.account = "alice";
  for (const char* const file : {"/dev/zero", "/dev/null", "/nowhere", "/"}) {
    options.secret_file = file;
    const Result<std::string> token = make_token(options, kNow);
    ASSERT_FALSE(token) << file;
    EXPECT_EQ(token.error().exit_code, 2);
    EXPECT_TRUE(token.error().message.starts_with("--secret-file: "));
  }
}

}  // namespace
}  // namespace ringgate
