// What a configuration says of TLS. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringgate::tls {

enum class MinVersion : std::uint8_t { kTls12, kTls13 };

struct Settings {
  // PEM files, a key for each certificate, in the same order. Clients get the certificate that is
  // for the name that they ask for; the first where none is.
  std::vector<std::string> certificates{};
  std::vector<std::string> keys{};
  MinVersion min_version = MinVersion::kTls12;
  std::vector<std::string> ciphers{};  // empty: ours
  std::string client_ca{};             // PEM file; empty: clients have no certificates
  std::string ticket_keys{};           // file; empty: keys of this process

  bool operator==(const Settings&) const = default;
};

}  // namespace ringgate::tls
