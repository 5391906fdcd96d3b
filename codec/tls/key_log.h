// What a key log tells (the format of SSLKEYLOGFILE): OpenSSL's callback is given its lines.
//
//   LABEL <client random, in hex> <secret, in hex>
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "codec/bytes.h"

namespace ringgate::tls {

struct LoggedSecret {
  bool is_of_server = false;  // it seals what the server sends; else what the client does
  std::string_view hex;       // of the line
};

// Nothing: the line is of another secret than the first ones of application traffic (RFC 8446,
// section 7.1).
[[nodiscard]] std::optional<LoggedSecret> traffic_secret_in(std::string_view line) noexcept;

// Its bytes, in place of those of `to`. How many there are; 0: it is no hex, or has no room.
[[nodiscard]] std::size_t read_hex(std::string_view hex, MutableBytes to) noexcept;

}  // namespace ringgate::tls
