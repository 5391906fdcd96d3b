// A certificate for this machine's own clients, for a day: to try TLS out. Nobody else trusts it.
#pragma once

#include <ctime>
#include <filesystem>
#include <string>

#include "control/base/error.h"

namespace ringgate::tls {

struct DayCertificate {
  std::string file;      // PEM; it is its own authority
  std::string key_file;  // PEM, for its owner's eyes only
  std::string sha256;    // "AB:CD:..."
};

// In `folder`, which is made where it is not there: what is there and need not be renewed yet, or
// a new one (ECDSA, P-256) for localhost, 127.0.0.1 and ::1.
[[nodiscard]] Result<DayCertificate> day_certificate(const std::filesystem::path& folder,
                                                     std::time_t now);

}  // namespace ringgate::tls
