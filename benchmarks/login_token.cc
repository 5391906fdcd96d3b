#include "benchmarks/login_token.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

namespace ringgate::bench {
namespace {

// RFC 4648, section 5, without padding.
std::string base64url(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  while (!text.empty() && text.back() == '=') text.pop_back();
  for (char& digit : text) {
    if (digit == '+') digit = '-';
    if (digit == '/') digit = '_';
  }
  return text;
}

}  // namespace

std::string sign_token(std::string_view account, std::string_view app, std::int64_t expires_s,
                       std::string_view secret) {
  const std::string claims =
      fmt::format(R"({{"acc":"{}","app":"{}","exp":{}}})", account, app, expires_s);
  std::string token = base64url(R"({"alg":"HS256","typ":"JWT"})") + "." + base64url(claims);
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned mac_bytes = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(token.data()), token.size(), mac.data(), &mac_bytes);
  return token + "." + base64url({reinterpret_cast<const char*>(mac.data()), mac_bytes});
}

std::string encode_login_request(std::string_view token) {
  std::string encoded = "\x0a";  // field 1, length-delimited
  std::size_t length = token.size();
  for (; length >= 0x80; length >>= 7) encoded += static_cast<char>((length & 0x7f) | 0x80);
  encoded += static_cast<char>(length);
  return encoded.append(token);
}

}  // namespace ringgate::bench
