#include "control/tls/ticket_keys.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "control/base/text.h"
#include "control/base/text_file.h"

namespace ringgate::tls {
namespace {

constexpr std::size_t kKeyBytes = 80;
constexpr std::size_t kMaxFileBytes = 16 * 1024;

std::optional<unsigned char> digit_of(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned char>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned char>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned char>(c - 'A' + 10);
  return std::nullopt;
}

}  // namespace

Result<TicketKeys::Key> TicketKeys::parse(std::string_view line) {
  if (line.size() != 2 * kKeyBytes) {
    return usage_error("has {} characters; a key is {} digits in hex (\"openssl rand -hex {}\")",
                       line.size(), 2 * kKeyBytes, kKeyBytes);
  }
  Key key{};
  static_assert(sizeof(Key) == kKeyBytes);
  auto* const bytes = reinterpret_cast<unsigned char*>(&key);
  for (std::size_t i = 0; i < kKeyBytes; ++i) {
    const auto high = digit_of(line[2 * i]);
    const auto low = digit_of(line[2 * i + 1]);
    if (!high || !low) return usage_error("has something in it that is no digit in hex");
    bytes[i] = static_cast<unsigned char>(*high << 4U | *low);
  }
  return key;
}

Result<std::shared_ptr<const TicketKeys>> TicketKeys::load(const std::string& file) {
  Result<std::string> text = read_text_file(file, kMaxFileBytes);
  if (!text) return usage_error("TlsTicketKeys: {}", text.error().message);
  std::shared_ptr<TicketKeys> made(new TicketKeys);
  Result<void> good;
  int number = 0;
  for (std::string_view rest = *text; good && !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::string_view word = trim(line);
    ++number;
    if (word.empty() || word.starts_with('#')) continue;
    Result<Key> key = parse(word);
    if (!key) {
      good = usage_error("TlsTicketKeys: line {} of {} {}", number, file, key.error().message);
    } else if (made->keys_.size() == kMaxKeys) {
      good = usage_error("TlsTicketKeys: {} has more than {} keys; take the oldest away", file,
                         kMaxKeys);
    } else {
      made->keys_.push_back(*key);
    }
    if (key) OPENSSL_cleanse(&*key, sizeof *key);
  }
  OPENSSL_cleanse(text->data(), text->size());
  if (!good) return std::unexpected(good.error());
  if (made->keys_.empty()) {
    return usage_error("TlsTicketKeys: {} has no key; make one with \"openssl rand -hex {} >>{}\"",
                       file, kKeyBytes, file);
  }
  return made;
}

std::shared_ptr<const TicketKeys> TicketKeys::of_this_process() {
  static const std::shared_ptr<const TicketKeys> of_all = [] {
    std::shared_ptr<TicketKeys> made(new TicketKeys);
    Key key{};
    // Without chance there is no TLS either: tickets are then not made.
    if (RAND_bytes(reinterpret_cast<unsigned char*>(&key), sizeof key) == 1) {
      made->keys_.push_back(key);
    }
    OPENSSL_cleanse(&key, sizeof key);
    return made;
  }();
  return of_all;
}

TicketKeys::~TicketKeys() {
  OPENSSL_cleanse(keys_.data(), keys_.size() * sizeof(Key));
}

bool TicketKeys::use_mac(const Key& key, EVP_MAC_CTX* mac) {
  std::array<unsigned char, 32> secret = key.mac;
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secret.data(), secret.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  const bool good = EVP_MAC_CTX_set_params(mac, parameters) == 1;
  OPENSSL_cleanse(secret.data(), secret.size());
  return good;
}

int TicketKeys::seal(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                     EVP_MAC_CTX* mac) const {
  if (keys_.empty()) return 0;  // no ticket
  const Key& key = keys_.front();
  std::memcpy(name, key.name.data(), key.name.size());
  const bool good =
      RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1 &&
      EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv) == 1 &&
      use_mac(key, mac);
  return good ? 1 : -1;
}

int TicketKeys::open(const unsigned char* name, const unsigned char* iv, EVP_CIPHER_CTX* cipher,
                     EVP_MAC_CTX* mac) const {
  constexpr int kUnknown = 0;  // a full handshake then
  constexpr int kGood = 1;
  constexpr int kGoodAndRenew = 2;
  const auto key = std::ranges::find_if(keys_, [&](const Key& one) {
    return std::memcmp(one.name.data(), name, one.name.size()) == 0;
  });
  if (key == keys_.end()) return kUnknown;
  if (EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key->cipher.data(), iv) != 1 ||
      !use_mac(*key, mac)) {
    return -1;
  }
  return key == keys_.begin() ? kGood : kGoodAndRenew;
}

}  // namespace ringgate::tls
