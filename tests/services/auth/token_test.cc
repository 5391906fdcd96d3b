#include "services/auth/token.h"

#include <gtest/gtest.h>
#include <openssl/hmac.h>
#include <rapidcheck.h>

#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "services/auth/base64.h"
#include "services/auth/development.h"

namespace ringgate {
namespace {

constexpr std::int64_t kNow = 1'700'000'000;
constexpr std::string_view kHeader = R"({"alg":"HS256","typ":"JWT"})";

// Made with Python's hmac and base64 modules.
constexpr std::string_view kPythonToken =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJhY2MiOiJhbGljZSIsImFwcCI6ImtpbSIsImV4cCI6MjAwMDAwMDAwMH0."
    "tS0gNMTpJHvPgutW5q7PGyfY1iGq5AnmlRwSz2OmgEA";
// {"exp":2e9,"app":"kim","acc":"\u738b \"x\" é"}
constexpr std::string_view kPythonUnicodeToken =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJleHAiOjJlOSwiYXBwIjoia2ltIiwiYWNjIjoiXHU3MzhiIFwieFwiIMOpIn0."
    "3AlMbNLvzMforLyyxxtWS4AgxjU7-0_kBjshYAONm9g";
// The claims of the first, with HMAC-SHA384 and a header that says so.
constexpr std::string_view kPythonHs384Token =
    "eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCJ9."
    "eyJhY2MiOiJhbGljZSIsImFwcCI6ImtpbSIsImV4cCI6MjAwMDAwMDAwMH0."
    "1P6sacCvmFc62SWjqBeMjhTxQKO9lJUgsso9NBaEhh8IHjURvRSXbwFQdTO8BvcV";

std::string hmac_sha256(std::string_view message, std::string_view secret) {
  std::array<unsigned char, 32> digest{};
  unsigned length = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.data(),
       &length);
  return {reinterpret_cast<const char*>(digest.data()), length};
}

// A token with a good signature over whatever is given.
std::string sign_raw(std::string_view header, std::string_view payload,
                     std::string_view secret = kDevelopmentSecret) {
  std::string token;
  append_base64url(token, header);
  token.push_back('.');
  append_base64url(token, payload);
  const std::string signature = hmac_sha256(token, secret);
  token.push_back('.');
  append_base64url(token, signature);
  return token;
}

TokenStatus verify(std::string_view token, TokenClaims* claims = nullptr,
                   std::int64_t now_s = kNow) {
  TokenVerifier verifier({std::string(kDevelopmentSecret)});
  TokenClaims ignored;
  return verifier.verify(token, now_s, claims != nullptr ? *claims : ignored);
}

TokenStatus verify_payload(std::string_view payload, std::int64_t now_s = kNow) {
  return verify(sign_raw(kHeader, payload), nullptr, now_s);
}

TokenStatus verify_account(std::string_view account) {
  return verify(sign_token({std::string(account), "kim", kNow + 60}, kDevelopmentSecret));
}

TEST(Token, TakesWhatAnotherImplementationSigned) {
  TokenClaims claims;
  ASSERT_EQ(verify(kPythonToken, &claims), TokenStatus::kOk);
  EXPECT_EQ(claims.account, "alice");
  EXPECT_EQ(claims.app, "kim");
  EXPECT_EQ(claims.expires_at_s, 2'000'000'000);
}

TEST(Token, UnderstandsEscapesAndExponents) {
  TokenClaims claims;
  ASSERT_EQ(verify(kPythonUnicodeToken, &claims), TokenStatus::kOk);
  EXPECT_EQ(claims.account, "\xe7\x8e\x8b \"x\" \xc3\xa9");
  EXPECT_EQ(claims.expires_at_s, 2'000'000'000);
}

TEST(Token, SignsWhatAnotherImplementationSigns) {
  EXPECT_EQ(sign_token({"alice", "kim", 2'000'000'000}, kDevelopmentSecret), kPythonToken);
}

TEST(Token, RoundTripsAnyValidAccount) {
  const bool holds = rc::check("sign, verify", [] {
    const auto ascii = rc::gen::inRange<char>(0x20, 0x7f);
    const std::string account = *rc::gen::suchThat(
        rc::gen::container<std::string>(ascii), [](const auto& s) { return is_valid_account(s); });
    const std::string secret = *rc::gen::nonEmpty<std::string>();
    TokenVerifier verifier({"another", secret});
    TokenClaims claims;
    RC_ASSERT(verifier.verify(sign_token({account, "kim", kNow + 1}, secret), kNow, claims) ==
              TokenStatus::kOk);
    RC_ASSERT(claims.account == account);
  });
  EXPECT_TRUE(holds);
}

TEST(Token, RefusesEveryFlippedBit) {
  TokenVerifier verifier({std::string(kDevelopmentSecret)});
  for (std::size_t i = 0; i < kPythonToken.size(); ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string token(kPythonToken);
      token[i] = static_cast<char>(static_cast<unsigned char>(token[i]) ^ (1U << bit));
      TokenClaims claims;
      EXPECT_NE(verifier.verify(token, kNow, claims), TokenStatus::kOk) << i << " bit " << bit;
      EXPECT_EQ(claims.account, "") << "claims are set only when the token is good";
    }
  }
}

TEST(Token, RefusesEveryTruncation) {
  for (std::size_t size = 0; size < kPythonToken.size(); ++size) {
    EXPECT_NE(verify(kPythonToken.substr(0, size)), TokenStatus::kOk) << size;
  }
  EXPECT_EQ(verify(std::string(kPythonToken) + "A"), TokenStatus::kBadSignature);
  EXPECT_EQ(verify(std::string(kPythonToken) + "="), TokenStatus::kMalformed);
  EXPECT_EQ(verify(std::string(kPythonToken) + ".AAAA"), TokenStatus::kMalformed);
}

TEST(Token, RefusesWhatIsNotAToken) {
  const std::string good_payload = R"({"acc":"alice","app":"kim","exp":2000000000})";
  EXPECT_EQ(verify(""), TokenStatus::kMalformed);
  EXPECT_EQ(verify("one.two"), TokenStatus::kMalformed);
  EXPECT_EQ(verify(".."), TokenStatus::kMalformed);
  EXPECT_EQ(verify(sign_raw("[]", good_payload)), TokenStatus::kMalformed);
  EXPECT_EQ(verify(sign_raw("{\"alg\":\"HS256\"", good_payload)), TokenStatus::kMalformed);
  EXPECT_EQ(verify_payload("[]"), TokenStatus::kMalformed);
  EXPECT_EQ(verify_payload(good_payload + "{}"), TokenStatus::kMalformed);
  EXPECT_EQ(verify_payload("{\"acc\":\"\xff\",\"app\":\"kim\",\"exp\":2000000000}"),
            TokenStatus::kMalformed);
}

TEST(Token, BoundsTheLength) {
  std::string padding(kMaxTokenBytes, 'x');
  const std::string token =
      sign_raw(kHeader, R"({"acc":"alice","app":"kim","exp":2000000000,"x":")" + padding + "\"}");
  EXPECT_EQ(verify(token), TokenStatus::kTooLong);
  TokenClaims claims;
  TokenVerifier wide({std::string(kDevelopmentSecret)}, token.size());
  EXPECT_EQ(wide.verify(token, kNow, claims), TokenStatus::kOk) << "as far as it was told";
  TokenVerifier tight({std::string(kDevelopmentSecret)}, token.size() - 1);
  EXPECT_EQ(tight.verify(token, kNow, claims), TokenStatus::kTooLong);
  padding.resize(2000);
  const std::string shorter =
      sign_raw(kHeader, R"({"acc":"alice","app":"kim","exp":2000000000,"x":")" + padding + "\"}");
  EXPECT_EQ(verify(shorter), TokenStatus::kOk);
}

TEST(Token, TakesOneAlgorithmOnly) {
  const std::string payload = R"({"acc":"alice","app":"kim","exp":2000000000})";
  EXPECT_EQ(verify(kPythonHs384Token), TokenStatus::kBadAlgorithm);
  for (const char* header : {R"({"alg":"none"})", R"({"alg":"RS256"})", R"({"alg":"hs256"})",
                             R"({"alg":"HS256 "})", R"({"alg":""})", R"({"typ":"JWT"})", "{}"}) {
    EXPECT_EQ(verify(sign_raw(header, payload)), TokenStatus::kBadAlgorithm) << header;
  }
  EXPECT_EQ(verify(sign_raw(R"({"alg":"none","alg":"HS256"})", payload)), TokenStatus::kMalformed);
  EXPECT_EQ(verify(sign_raw(R"({"alg":1})", payload)), TokenStatus::kMalformed);
  EXPECT_EQ(verify(sign_raw(R"({"alg":"HS256","crit":["b64"]})", payload)),
            TokenStatus::kMalformed);
  EXPECT_EQ(verify(sign_raw(R"({"alg":"HS256","typ":7})", payload)), TokenStatus::kOk);

  std::string unsigned_token;
  append_base64url(unsigned_token, R"({"alg":"none"})");
  unsigned_token += '.';
  append_base64url(unsigned_token, payload);
  EXPECT_EQ(verify(unsigned_token + "."), TokenStatus::kBadAlgorithm);
}

TEST(Token, ChecksTheSignatureBeforeTheClaims) {
  EXPECT_EQ(verify(sign_raw(kHeader, "not even JSON", "another secret")),
            TokenStatus::kBadSignature);
  EXPECT_EQ(verify(sign_raw(kHeader, "not even JSON")), TokenStatus::kMalformed);
}

TEST(Token, TakesTwoSecretsWhileOneReplacesTheOther) {
  const std::string old_token = sign_token({"alice", "kim", kNow + 1}, "old");
  const std::string new_token = sign_token({"alice", "kim", kNow + 1}, "new");
  TokenVerifier both({"new", "old"});
  TokenVerifier one({"new"});
  TokenClaims claims;
  // Alternating, since a context that has computed once must compute the same again.
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(both.verify(old_token, kNow, claims), TokenStatus::kOk);
    EXPECT_EQ(both.verify(new_token, kNow, claims), TokenStatus::kOk);
    EXPECT_EQ(one.verify(old_token, kNow, claims), TokenStatus::kBadSignature);
    EXPECT_EQ(one.verify(new_token, kNow, claims), TokenStatus::kOk);
  }
}

TEST(Token, AnEmptySecretVerifiesNothing) {
  const std::string token = sign_raw(kHeader, R"({"acc":"a","app":"kim","exp":2000000000})", "");
  TokenClaims claims;
  EXPECT_EQ(TokenVerifier({""}).verify(token, kNow, claims), TokenStatus::kBadSignature);
  EXPECT_EQ(TokenVerifier({}).verify(token, kNow, claims), TokenStatus::kBadSignature);
}

TEST(Token, RequiresAllThreeClaims) {
  EXPECT_EQ(verify_payload("{}"), TokenStatus::kMissingClaim);
  EXPECT_EQ(verify_payload(R"({"app":"kim","exp":2000000000})"), TokenStatus::kMissingClaim);
  EXPECT_EQ(verify_payload(R"({"acc":"alice","exp":2000000000})"), TokenStatus::kMissingClaim);
  EXPECT_EQ(verify_payload(R"({"acc":"alice","app":"kim"})"), TokenStatus::kMissingClaim);
}

TEST(Token, RefusesAClaimThatStandsTwice) {
  for (const char* payload : {R"({"acc":"alice","acc":"bob","app":"kim","exp":2000000000})",
                              R"({"acc":"alice","\u0061cc":"bob","app":"kim","exp":2000000000})",
                              R"({"acc":"alice","app":"a","app":"b","exp":2000000000})",
                              R"({"acc":"alice","app":"kim","exp":1,"exp":2000000000})"}) {
    EXPECT_EQ(verify_payload(payload), TokenStatus::kBadClaim) << payload;
  }
}

TEST(Token, TakesAnyNumberForExp) {
  const auto with_exp = [](std::string_view exp) {
    return verify_payload(R"({"acc":"alice","app":"kim","exp":)" + std::string(exp) + "}");
  };
  EXPECT_EQ(with_exp("2000000000"), TokenStatus::kOk);
  EXPECT_EQ(with_exp("2000000000.0"), TokenStatus::kOk);
  EXPECT_EQ(with_exp("2e9"), TokenStatus::kOk);
  for (const char* exp : {"2000000000.5", "2000000000.123456789012345678901234567890",
                          "20000000005e-1", "0.2E+10", "1e300", "1e308", "9223372036854775807",
                          "9223372036854775808", "18446744073709551615", "18446744073709551616",
                          "99999999999999999999999999", "1e309", "9e308", "1e99999", "1e19"}) {
    EXPECT_EQ(with_exp(exp), TokenStatus::kOk) << exp;
  }
  for (const char* exp : {"-1", "-0.5", "-0", "0", "1e-400", "-1e300", "-9223372036854775808",
                          "-9223372036854775809", "-1e999", "-99999999999999999999", "1e-9"}) {
    EXPECT_EQ(with_exp(exp), TokenStatus::kExpired) << exp;
  }
  for (const char* exp : {"01e999", "1.e999", "1e", "-", "+1e999", ".5", "1e999x", "1e999 1"}) {
    EXPECT_EQ(with_exp(exp), TokenStatus::kMalformed) << exp;
  }
  EXPECT_EQ(with_exp("\"2000000000\""), TokenStatus::kBadClaim);
  EXPECT_EQ(with_exp("null"), TokenStatus::kBadClaim);
  EXPECT_EQ(with_exp("true"), TokenStatus::kBadClaim);
}

TEST(Token, ExpiresInTheSecondItSays) {
  const std::string payload = R"({"acc":"alice","app":"kim","exp":1000})";
  EXPECT_EQ(verify_payload(payload, 999), TokenStatus::kOk);
  EXPECT_EQ(verify_payload(payload, 1000), TokenStatus::kExpired);
  const std::string half = R"({"acc":"alice","app":"kim","exp":1000.5})";
  EXPECT_EQ(verify_payload(half, 999), TokenStatus::kOk);
  EXPECT_EQ(verify_payload(half, 1000), TokenStatus::kExpired);
}

TEST(Token, AFarExpIsNoOverflow) {
  for (const char* exp : {"1e300", "9223372036854775807", "1e999"}) {
    TokenClaims claims;
    const std::string payload = R"({"acc":"alice","app":"kim","exp":)" + std::string(exp) + "}";
    ASSERT_EQ(verify(sign_raw(kHeader, payload), &claims), TokenStatus::kOk) << exp;
    EXPECT_EQ(claims.expires_at_s, std::int64_t{1} << 62) << exp;
  }
}

// Claims that are none of ours may hold anything; what is text stays as it is.
TEST(Token, TakesHugeNumbersInOtherClaims) {
  TokenClaims claims;
  const std::string payload = R"({"uid":123456789012345678901234,"acc":"1e999 \"1e999\" -1e999",)"
                              R"("x":[-1e400,{"y":1e400}],"app":"kim","exp":2000000000})";
  ASSERT_EQ(verify(sign_raw(kHeader, payload), &claims), TokenStatus::kOk);
  EXPECT_EQ(claims.account, "1e999 \"1e999\" -1e999");
}

TEST(Token, WaitsForNotBefore) {
  const std::string payload = R"({"acc":"alice","app":"kim","exp":9000,"nbf":1000})";
  EXPECT_EQ(verify_payload(payload, 1000 - kNotBeforeLeewayS), TokenStatus::kOk);
  EXPECT_EQ(verify_payload(payload, 1000 - kNotBeforeLeewayS - 1), TokenStatus::kNotYetValid);
  const auto with_nbf = [](std::string_view nbf) {
    return verify_payload(
        R"({"acc":"alice","app":"kim","exp":9000,"nbf":)" + std::string(nbf) + "}",
        1000 - kNotBeforeLeewayS);
  };
  EXPECT_EQ(with_nbf("999.5"), TokenStatus::kOk);
  EXPECT_EQ(with_nbf("1000.5"), TokenStatus::kNotYetValid);
  EXPECT_EQ(with_nbf("1e3"), TokenStatus::kOk);
  EXPECT_EQ(with_nbf("-1e999"), TokenStatus::kOk);
  EXPECT_EQ(with_nbf("1e999"), TokenStatus::kNotYetValid);
  EXPECT_EQ(with_nbf("99999999999999999999"), TokenStatus::kNotYetValid);
  EXPECT_EQ(with_nbf("\"x\""), TokenStatus::kBadClaim);
}

TEST(Token, BoundsTheAccount) {
  EXPECT_EQ(verify_account(std::string(128, 'a')), TokenStatus::kOk);
  EXPECT_EQ(verify_account(std::string(129, 'a')), TokenStatus::kBadAccount);
  EXPECT_EQ(verify_account(""), TokenStatus::kBadAccount);
  EXPECT_EQ(verify_account("a,b"), TokenStatus::kBadAccount);
  EXPECT_EQ(verify_account("a\nb"), TokenStatus::kBadAccount);
  EXPECT_EQ(verify_account(std::string("a\0b", 3)), TokenStatus::kBadAccount);
  EXPECT_EQ(verify_account("a\x7f"), TokenStatus::kBadAccount);
  EXPECT_EQ(verify_account("a\xc2\x80"), TokenStatus::kBadAccount);
  EXPECT_EQ(verify_account("a\xc2\x9f"), TokenStatus::kBadAccount);
  EXPECT_EQ(verify_account("a\xc2\xa0"), TokenStatus::kOk);
  EXPECT_EQ(verify_account("_ spaces and \"quotes\" \\ are fine"), TokenStatus::kOk);
  EXPECT_FALSE(is_valid_account("\xff"));
  EXPECT_FALSE(is_valid_account("\xc2"));
}

TEST(Token, BoundsTheApp) {
  const auto with_app = [](std::string app) {
    return verify(sign_token({"alice", std::move(app), kNow + 60}, kDevelopmentSecret));
  };
  EXPECT_EQ(with_app(std::string(64, 'a')), TokenStatus::kOk);
  EXPECT_EQ(with_app(std::string(65, 'a')), TokenStatus::kBadApp);
  EXPECT_EQ(with_app(""), TokenStatus::kBadApp);
  EXPECT_EQ(with_app("a,b"), TokenStatus::kBadApp);
}

TEST(Token, DescribesEveryStatusDifferently) {
  std::set<std::string_view> sentences;
  for (int status = 0; status <= static_cast<int>(TokenStatus::kNotYetValid); ++status) {
    sentences.insert(describe(static_cast<TokenStatus>(status)));
  }
  EXPECT_EQ(sentences.size(), static_cast<std::size_t>(TokenStatus::kNotYetValid) + 1);
}

TEST(Base64Url, RoundTrips) {
  const bool holds = rc::check("encode, decode", [](const std::string& bytes) {
    std::string text;
    append_base64url(text, bytes);
    std::string decoded;
    RC_ASSERT(decode_base64url(text, decoded));
    RC_ASSERT(decoded == bytes);
  });
  EXPECT_TRUE(holds);
}

TEST(Base64Url, HasOneEncodingPerValue) {
  std::string decoded;
  EXPECT_TRUE(decode_base64url("_-8", decoded));
  EXPECT_EQ(decoded, "\xff\xef");
  EXPECT_FALSE(decode_base64url("_-9", decoded)) << "bits left over";
  EXPECT_FALSE(decode_base64url("_-8=", decoded)) << "padding";
  EXPECT_FALSE(decode_base64url("/+8", decoded)) << "the alphabet of plain base64";
  EXPECT_FALSE(decode_base64url("AAAAA", decoded)) << "an impossible length";
  EXPECT_FALSE(decode_base64url("AA A", decoded));
}

}  // namespace
}  // namespace ringgate
