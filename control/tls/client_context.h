// What handshakes as a client begin with: whom we trust, and who we are. Immutable, any thread.
#pragma once

#include <string>
#include <string_view>

#include "control/base/error.h"
#include "control/tls/openssl.h"

namespace ringgate::tls {

struct ClientSettings {
  // How whoever reads an error says these things.
  struct Names {
    std::string_view ca = "--tls-ca";
    std::string_view insecure = "--tls-insecure";
    std::string_view certificate = "--tls-cert";
    std::string_view key = "--tls-key";

    bool operator==(const Names&) const = default;
  };

  std::string ca;           // PEM file; empty: the machine's authorities
  bool verify = true;       // false: nobody knows who is at the other end
  std::string certificate;  // of ours, PEM file with its chain; empty: none
  std::string key;          // of it
  bool is_http = false;     // ALPN offers http/1.1
  Names names{};

  bool operator==(const ClientSettings&) const = default;
};

// Reads the files. Errors are sentences that name the setting and the file, and have exit code 2.
[[nodiscard]] Result<ContextPtr> new_client_context(const ClientSettings& settings);

}  // namespace ringgate::tls
