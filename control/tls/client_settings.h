// Whom we trust as a client of TLS, and who we are. Plain values.
#pragma once

#include <string>
#include <string_view>

namespace ringgate::tls {

struct ClientSettings {
  // How whoever reads an error says these things.
  struct Names {
    std::string_view ca = "--tls-ca";
    std::string_view insecure = "--tls-insecure";  // empty: nobody may do without
    std::string_view certificate = "--tls-cert";
    std::string_view key = "--tls-key";
    // What to do about a certificate for others, and about a server that does not speak TLS.
    std::string_view other_name = "connect by a name that it has";
    std::string_view no_tls = "check the port, or write tcp:// or ws://";

    bool operator==(const Names&) const = default;
  };

  std::string ca;           // PEM file; empty: the machine's authorities
  bool verify = true;       // false: nobody knows who is at the other end
  std::string certificate;  // of ours, PEM file with its chain; empty: none
  std::string key;          // of it
  bool is_http = false;     // ALPN offers http/1.1
  bool only_1_3 = false;    // for whoever goes on with records of their own
  Names names{};

  bool operator==(const ClientSettings&) const = default;
};

}  // namespace ringgate::tls
