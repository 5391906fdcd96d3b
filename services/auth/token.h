// Login tokens: JSON Web Tokens (RFC 7519) signed with HS256, and nothing else that JWT offers.
//
// A TokenVerifier belongs to one thread. It owns the secrets and its buffers, and reuses both, so
// that a verification allocates nothing of its own once the buffers have grown. The functions are
// pure, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "codec/names.h"  // of accounts and apps

namespace ringgate {

inline constexpr std::size_t kMaxTokenBytes = 4096;  // where nobody says otherwise
// A token may say when it begins to be valid (`nbf`); clocks of issuers run ahead by this much at
// most.
inline constexpr std::int64_t kNotBeforeLeewayS = 60;

struct TokenClaims {
  std::string account;
  std::string app;
  std::int64_t expires_at_s = 0;  // Unix time; the token is refused from this second on
};

enum class TokenStatus : std::uint8_t {
  kOk,
  kMalformed,
  kTooLong,
  kBadAlgorithm,
  kBadSignature,
  kBadClaim,
  kMissingClaim,
  kBadAccount,
  kBadApp,
  kExpired,
  kNotYetValid,
};

// A reason for a person. It says nothing about the secret and quotes nothing from the token.
[[nodiscard]] std::string_view describe(TokenStatus status) noexcept;

class TokenVerifier {
 public:
  // A token signed with any of `secrets` is good: two while a secret is being replaced. Empty ones
  // are left out, and with none left every token is refused.
  // A token may have `max_bytes`; what carries it is bounded already.
  explicit TokenVerifier(std::vector<std::string> secrets, std::size_t max_bytes = kMaxTokenBytes);
  ~TokenVerifier();
  TokenVerifier(TokenVerifier&&) noexcept;
  TokenVerifier& operator=(TokenVerifier&&) noexcept;

  // `claims` is set on kOk, kExpired and kNotYetValid. No claim is looked at before the signature
  // is known to be good.
  [[nodiscard]] TokenStatus verify(std::string_view token, std::int64_t now_s, TokenClaims& claims);

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::size_t max_bytes_;
};

// A token that verify() takes, as long as the claims keep the rules above and `secret` is not
// empty.
[[nodiscard]] std::string sign_token(const TokenClaims& claims, std::string_view secret);

}  // namespace ringgate
