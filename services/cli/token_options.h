// The flags by which `ringgate token` and `ringgate client` come to sign a token. Set-up code, any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/base/error.h"
#include "services/auth/development.h"

namespace CLI {
class App;
}

namespace ringgate {

struct TokenOptions {
  std::string account;
  std::string app{kDevelopmentApp};
  std::string ttl = "24h";
  std::optional<std::string> secret;
  std::string secret_file;
};

// Adds --account, --app, --ttl, --secret and --secret-file. `options` outlives `command`.
void add_token_options(CLI::App& command, TokenOptions& options);

// A token that is valid from `now_s` (Unix time) for `options.ttl`. Without a secret it is signed
// with kDevelopmentSecret, and that is said on stderr.
Result<std::string> make_token(const TokenOptions& options, std::int64_t now_s);

// "24h", "90m", "30s", "7d"; a bare number counts seconds. At least 1 s and at most 100 years.
Result<std::int64_t> parse_ttl_s(std::string_view text);

}  // namespace ringgate
