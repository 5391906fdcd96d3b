#include "services/process/pages/page_policy.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <array>

namespace ringgate {
namespace {

// The text of the first <name>...</name>; empty when there is none.
std::string_view element_text(std::string_view html, const std::string& name) {
  const std::string open = "<" + name + ">";
  const std::size_t begin = html.find(open);
  if (begin == std::string_view::npos) return {};
  html.remove_prefix(begin + open.size());
  const std::size_t end = html.find("</" + name + ">");
  return end == std::string_view::npos ? std::string_view{} : html.substr(0, end);
}

std::string hash_source(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  std::array<unsigned char, 4 * (SHA256_DIGEST_LENGTH + 2) / 3 + 1> base64{};
  const int length = EVP_EncodeBlock(base64.data(), digest.data(), int{digest.size()});
  return "'sha256-" + std::string(base64.begin(), base64.begin() + length) + "'";
}

}  // namespace

std::string page_policy(std::string_view html, std::string_view connect) {
  return "default-src 'none'; script-src " + hash_source(element_text(html, "script")) +
         "; style-src " + hash_source(element_text(html, "style")) +
         "; img-src data:; connect-src " + std::string(connect) +
         "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
}

}  // namespace ringgate
