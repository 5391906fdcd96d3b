// Tokens. What is not signed with the secret is never good, whatever it is; and what is signed is
// good only with claims that keep the rules, and is so again when it is signed anew.
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <string>

#include "codec/bytes.h"
#include "codec/names.h"
#include "services/auth/base64.h"
#include "services/auth/token.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace ringgate;

constexpr std::string_view kSecret = "a secret of the fuzzer";
constexpr std::int64_t kNow = 1'700'000'000;

std::string signed_with_secret(std::string_view head, std::string_view claims) {
  std::string token;
  append_base64url(token, head);
  token += '.';
  append_base64url(token, claims);
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac;
  unsigned bytes = 0;
  HMAC(EVP_sha256(), kSecret.data(), static_cast<int>(kSecret.size()),
       reinterpret_cast<const unsigned char*>(token.data()), token.size(), mac.data(), &bytes);
  token += '.';
  append_base64url(token, as_text({mac.data(), bytes}));
  return token;
}

void check_claims(TokenStatus status, const TokenClaims& claims) {
  if (status != TokenStatus::kOk) return;
  fuzz_check(is_valid_account(claims.account), "an account that is none");
  fuzz_check(is_valid_app(claims.app), "an app that is none");
  fuzz_check(claims.expires_at_s > kNow, "a token that is over");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static TokenVerifier verifier({std::string(kSecret)});
  const std::string_view input = as_text({data, size});
  TokenClaims claims;
  fuzz_check(verifier.verify(input, kNow, claims) != TokenStatus::kOk ||
                 input == sign_token(claims, kSecret),
             "a token that nobody signed is good");

  // The first byte says where the head ends, so that both are reached.
  if (size < 1) return 0;
  const std::size_t head_bytes = std::min<std::size_t>(data[0], size - 1);
  const std::string_view given_head = input.substr(1, head_bytes);
  const std::string_view payload = input.substr(1 + head_bytes);
  for (const std::string_view head : {given_head, std::string_view(R"({"alg":"HS256"})")}) {
    const TokenStatus status = verifier.verify(signed_with_secret(head, payload), kNow, claims);
    fuzz_check(status != TokenStatus::kBadSignature, "its own signature is refused");
    check_claims(status, claims);
    if (status != TokenStatus::kOk) continue;
    const TokenClaims first = claims;
    fuzz_check(verifier.verify(sign_token(first, kSecret), kNow, claims) == TokenStatus::kOk,
               "signed anew it is refused");
    fuzz_check(claims.account == first.account && claims.app == first.app &&
                   claims.expires_at_s == first.expires_at_s,
               "signed anew it says something else");
  }
  return 0;
}
