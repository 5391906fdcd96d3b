// The keys that session tickets are sealed with. Processes that share them resume each other's
// sessions, so that a client that comes back to another gateway needs no full handshake.
//
// The file has a key on each line, 160 digits in hex: a name of 16 bytes, a key for HMAC-SHA-256 of
// 32 and one for AES-256-CBC of 32 (the 80 bytes that nginx and others take). The first seals; all
// of them open. To rotate, a new one is put in front, and the last taken away. Blank lines, and
// those that begin with #, are passed over.
//
// Immutable, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/error.h"
#include "control/tls/openssl.h"

namespace ringgate::tls {

class TicketKeys {
 public:
  static constexpr std::size_t kMaxKeys = 16;

  // Errors name TlsTicketKeys, the file and the line; their exit code is 2.
  [[nodiscard]] static Result<std::shared_ptr<const TicketKeys>> load(const std::string& file);
  // One key, made by chance when it is first asked for, for as long as the process lives.
  [[nodiscard]] static std::shared_ptr<const TicketKeys> of_this_process();

  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  // What OpenSSL's callback (SSL_CTX_set_tlsext_ticket_key_evp_cb) has to do.
  [[nodiscard]] int seal(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                         EVP_MAC_CTX* mac) const;
  [[nodiscard]] int open(const unsigned char* name, const unsigned char* iv, EVP_CIPHER_CTX* cipher,
                         EVP_MAC_CTX* mac) const;

 private:
  struct Key {
    std::array<unsigned char, 16> name;
    std::array<unsigned char, 32> mac;
    std::array<unsigned char, 32> cipher;
  };
  TicketKeys() = default;
  [[nodiscard]] static Result<Key> parse(std::string_view line);
  [[nodiscard]] static bool use_mac(const Key& key, EVP_MAC_CTX* mac);

  std::vector<Key> keys_;
};

}  // namespace ringgate::tls
