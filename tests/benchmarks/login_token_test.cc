#include "benchmarks/login_token.h"

#include <gtest/gtest.h>

namespace ringgate::bench {
namespace {

TEST(LoginToken, IsTheJwtThatOtherLibrariesMake) {
  // Made with Python's hmac, hashlib and base64.
  EXPECT_EQ(sign_token("alice", "kim", 1'700'000'000, "s3cret"),
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
            "eyJhY2MiOiJhbGljZSIsImFwcCI6ImtpbSIsImV4cCI6MTcwMDAwMDAwMH0."
            "AaZ0RDgK5-OIGv9ArENYpRmOmXERfmiBPNZU1rYMNPc");
}

TEST(LoginToken, HasNoPaddingAndOnlyUrlSafeDigits) {
  for (int account_bytes = 1; account_bytes < 12; ++account_bytes) {
    const std::string token =
        sign_token(std::string(static_cast<std::size_t>(account_bytes), 'z'), "kim", 1, "s");
    EXPECT_EQ(token.find_first_of("+/="), std::string::npos) << token;
  }
}

TEST(LoginToken, IsFieldOneOfALoginRequest) {
  EXPECT_EQ(encode_login_request("abc"),
            "\x0a\x03"
            "abc");
  const std::string encoded = encode_login_request(std::string(300, 't'));
  EXPECT_EQ(encoded.substr(0, 3), "\x0a\xac\x02");
  EXPECT_EQ(encoded.size(), 303U);
}

}  // namespace
}  // namespace ringgate::bench
