#include "services/auth/token.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <simdjson.h>

#include <array>
#include <new>
#include <optional>
#include <stdexcept>
#include <utility>

#include "control/base/json_writer.h"
#include "dataplane/shortage.h"
#include "services/auth/base64.h"
#include "services/auth/token_number.h"

namespace ringgate {
namespace {

using Signature = std::array<std::uint8_t, 32>;

struct FreeMac {
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using Mac = std::unique_ptr<EVP_MAC_CTX, FreeMac>;

const unsigned char* unsigned_data(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// For want of memory, too, OpenSSL says that there is no such algorithm. Where the address space is
// limited, that is why.
[[noreturn]] void fail_without_mac() {
  if (limit_of(RLIMIT_AS)) throw std::bad_alloc();
  throw std::runtime_error("OpenSSL offers no HMAC-SHA256: check its configuration (openssl.cnf)");
}

// A context that has its key: computing with it again and again costs no set-up.
Mac make_mac(std::string_view secret) {
  EVP_MAC* algorithm = EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr);
  if (algorithm == nullptr) fail_without_mac();
  Mac mac(EVP_MAC_CTX_new(algorithm));
  EVP_MAC_free(algorithm);
  char digest[] = "SHA256";
  const std::array<OSSL_PARAM, 2> parameters = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  if (mac == nullptr ||
      EVP_MAC_init(mac.get(), unsigned_data(secret), secret.size(), parameters.data()) != 1) {
    fail_without_mac();
  }
  return mac;
}

bool compute_signature(EVP_MAC_CTX* mac, std::string_view message, Signature& signature) {
  std::size_t length = 0;
  // Without a key this starts over with the key that the context has.
  return EVP_MAC_init(mac, nullptr, 0, nullptr) == 1 &&
         EVP_MAC_update(mac, unsigned_data(message), message.size()) == 1 &&
         EVP_MAC_final(mac, signature.data(), &length, signature.size()) == 1 &&
         length == signature.size();
}

struct TokenParts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signed_text;  // header and payload with the dot between them
};

std::optional<TokenParts> split_token(std::string_view token) {
  const std::size_t first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  return TokenParts{token.substr(0, first), token.substr(first + 1, second - first - 1),
                    token.substr(second + 1), token.substr(0, second)};
}

// Fills `slot` once; a claim that stands twice means different things to different parsers.
template <class Value>
bool set_once(std::optional<Value>& slot, std::optional<Value> value) {
  if (slot.has_value() || !value.has_value()) return false;
  slot = value;
  return true;
}

std::optional<std::string_view> read_text(simdjson::dom::element value) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return std::nullopt;
  return text;
}

TokenStatus check_header(simdjson::dom::object header) {
  std::optional<std::string_view> algorithm;
  for (const auto [key, value] : header) {
    // RFC 7515, section 4.1.11: who does not understand what `crit` lists has to refuse.
    if (key == "crit") return TokenStatus::kMalformed;
    if (key == "alg" && !set_once(algorithm, read_text(value))) return TokenStatus::kMalformed;
  }
  return algorithm == "HS256" ? TokenStatus::kOk : TokenStatus::kBadAlgorithm;
}

struct Payload {
  std::optional<std::string_view> account;
  std::optional<std::string_view> app;
  std::optional<std::int64_t> expires_at_s;
  std::optional<std::int64_t> not_before_s;
};

bool read_payload(simdjson::dom::object object, Payload& payload) {
  for (const auto [key, value] : object) {
    if (key == "acc" && !set_once(payload.account, read_text(value))) return false;
    if (key == "app" && !set_once(payload.app, read_text(value))) return false;
    if (key == "exp" &&
        !set_once(payload.expires_at_s, read_numeric_date(value, Fraction::kDown))) {
      return false;
    }
    if (key == "nbf" && !set_once(payload.not_before_s, read_numeric_date(value, Fraction::kUp))) {
      return false;
    }
  }
  return true;
}

// Fills `claims` when the status is kOk, and leaves them alone otherwise.
TokenStatus check_payload(const Payload& payload, std::int64_t now_s, TokenClaims& claims) {
  if (!payload.account || !payload.app || !payload.expires_at_s) return TokenStatus::kMissingClaim;
  if (!is_valid_account(*payload.account)) return TokenStatus::kBadAccount;
  if (!is_valid_app(*payload.app)) return TokenStatus::kBadApp;
  claims.account.assign(*payload.account);
  claims.app.assign(*payload.app);
  claims.expires_at_s = *payload.expires_at_s;
  if (now_s >= *payload.expires_at_s) return TokenStatus::kExpired;
  if (payload.not_before_s && *payload.not_before_s > now_s + kNotBeforeLeewayS) {
    return TokenStatus::kNotYetValid;
  }
  return TokenStatus::kOk;
}

}  // namespace

std::string_view describe(TokenStatus status) noexcept {
  switch (status) {
    case TokenStatus::kOk:
      return "the token is good";
    case TokenStatus::kMalformed:
      return "the token is not a well-formed JWT";
    case TokenStatus::kTooLong:
      return "the token is longer than a token may be";
    case TokenStatus::kBadAlgorithm:
      return "the token is not signed with HS256";
    case TokenStatus::kBadSignature:
      return "the token is signed with another secret";
    case TokenStatus::kBadClaim:
      return "one of the token's claims acc, app, exp, nbf has the wrong type or is there twice";
    case TokenStatus::kMissingClaim:
      return "the token lacks one of the claims acc, app, exp";
    case TokenStatus::kBadAccount:
      return "the token's account is empty, longer than 128 bytes, or has a comma or control "
             "character";
    case TokenStatus::kBadApp:
      return "the token's app is empty, longer than 64 bytes, or has a comma or control character";
    case TokenStatus::kExpired:
      return "the token has expired";
    case TokenStatus::kNotYetValid:
      return "the token is not valid yet";
  }
  return "the token was refused";
}

struct TokenVerifier::State {
  std::vector<Mac> macs;
  simdjson::dom::parser parser;
  std::string decoded;

  // The object in one part of a token; it lives until the next call.
  std::optional<simdjson::dom::object> parse_part(std::string_view part) {
    if (!decode_base64url(part, decoded)) return std::nullopt;
    decoded.reserve(decoded.size() + simdjson::SIMDJSON_PADDING);
    simdjson::dom::object object;
    auto result = parser.parse(decoded.data(), decoded.size(), false).get(object);
    if (result == simdjson::NUMBER_ERROR && shorten_huge_numbers(decoded)) {
      result = parser.parse(decoded.data(), decoded.size(), false).get(object);
    }
    if (result != simdjson::SUCCESS) return std::nullopt;
    return object;
  }

  TokenStatus check_signature(const TokenParts& parts) {
    if (!decode_base64url(parts.signature, decoded)) return TokenStatus::kMalformed;
    Signature expected;
    if (decoded.size() != expected.size()) return TokenStatus::kBadSignature;
    bool good = false;
    for (const Mac& mac : macs) {
      if (!compute_signature(mac.get(), parts.signed_text, expected)) continue;
      good |= CRYPTO_memcmp(expected.data(), decoded.data(), expected.size()) == 0;
    }
    return good ? TokenStatus::kOk : TokenStatus::kBadSignature;
  }
};

TokenVerifier::TokenVerifier(std::vector<std::string> secrets, std::size_t max_bytes)
    : state_(std::make_unique<State>()), max_bytes_(max_bytes) {
  for (std::string& secret : secrets) {
    if (!secret.empty()) state_->macs.push_back(make_mac(secret));
    OPENSSL_cleanse(secret.data(), secret.size());
  }
  state_->decoded.reserve(max_bytes_ + simdjson::SIMDJSON_PADDING);
}

TokenVerifier::~TokenVerifier() = default;
TokenVerifier::TokenVerifier(TokenVerifier&&) noexcept = default;
TokenVerifier& TokenVerifier::operator=(TokenVerifier&&) noexcept = default;

TokenStatus TokenVerifier::verify(std::string_view token, std::int64_t now_s, TokenClaims& claims) {
  if (token.size() > max_bytes_) return TokenStatus::kTooLong;
  const std::optional<TokenParts> parts = split_token(token);
  if (!parts) return TokenStatus::kMalformed;
  const auto header = state_->parse_part(parts->header);
  if (!header) return TokenStatus::kMalformed;
  TokenStatus status = check_header(*header);
  if (status != TokenStatus::kOk) return status;
  status = state_->check_signature(*parts);
  if (status != TokenStatus::kOk) return status;

  const auto object = state_->parse_part(parts->payload);
  Payload payload;
  if (!object) return TokenStatus::kMalformed;
  if (!read_payload(*object, payload)) return TokenStatus::kBadClaim;
  return check_payload(payload, now_s, claims);
}

// Without JsonWriter: it writes a blank behind each colon, for people. These bytes are carried by
// every login, and are the shortest that other issuers make, too.
std::string sign_token(const TokenClaims& claims, std::string_view secret) {
  std::string payload = "{\"acc\":";
  append_json_string(payload, claims.account);
  payload += ",\"app\":";
  append_json_string(payload, claims.app);
  payload += fmt::format(",\"exp\":{}}}", claims.expires_at_s);

  std::string token;
  append_base64url(token, R"({"alg":"HS256","typ":"JWT"})");
  token.push_back('.');
  append_base64url(token, payload);
  Signature signature;
  if (!compute_signature(make_mac(secret).get(), token, signature)) {
    throw std::runtime_error("OpenSSL could not compute an HMAC-SHA256");
  }
  token.push_back('.');
  append_base64url(token, {reinterpret_cast<const char*>(signature.data()), signature.size()});
  return token;
}

}  // namespace ringgate
