// One GET from an admin port, over HTTP or HTTPS. Blocks, for some seconds at most. One thread.
#pragma once

#include <string>
#include <string_view>

#include "control/base/address.h"
#include "control/base/error.h"
#include "control/tls/client_settings.h"

namespace ringgate::top {

struct AdminPort {
  Endpoint at;
  bool tls = false;
  std::string token{};             // bearer; empty: none
  tls::ClientSettings settings{};  // with `tls`
};

// "HOST:PORT", "http://HOST:PORT" or "https://HOST:PORT". Errors are those of usage.
[[nodiscard]] Result<AdminPort> parse_admin_port(std::string_view text);

// The body of an answer with 200. Any other answer is an error with its first line.
[[nodiscard]] Result<std::string> http_get(const AdminPort& port, const std::string& path);

}  // namespace ringgate::top
