#include "services/cli/token_options.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>

#include "control/base/secrets.h"
#include "control/config/secrets.h"
#include "control/observe/logging.h"
#include "services/auth/token.h"

namespace ringgate {
namespace {

constexpr std::int64_t kMaxTtlS = 100LL * 366 * 86400;

std::int64_t unit_seconds(std::string_view unit) {
  if (unit.empty() || unit == "s") return 1;
  if (unit == "m") return 60;
  if (unit == "h") return 3600;
  if (unit == "d") return 86400;
  return 0;
}

// Signed all the same: a gateway of another make may have such a secret.
void warn_of_short_secret(std::string_view secret) {
  if (secret.size() >= kMinSecretBytes) return;
  complain(fmt::format(
      "ringgate: the secret has {} bytes; a gateway of ringgate takes {} at least, so it will "
      "refuse this token",
      secret.size(), kMinSecretBytes));
}

Result<std::string> choose_secret(const TokenOptions& options) {
  if (!options.secret_file.empty()) {
    Result<std::string> secret = read_secret_file(options.secret_file);
    if (!secret) return usage_error("--secret-file: {}", secret.error().message);
    return secret;
  }
  if (options.secret) {
    // Not the development secret: an empty value is most often a variable that was not set.
    if (options.secret->empty())
      return usage_error("--secret is empty: give it a value, or leave it out");
    if (auto meant = check_meant("--secret", *options.secret); !meant) {
      return std::unexpected(meant.error());
    }
    return *options.secret;
  }
  std::fputs(
      "ringgate: no --secret given: signing with the built-in development secret, which is "
      "public\n",
      stderr);
  return std::string(kDevelopmentSecret);
}

}  // namespace

void add_token_options(CLI::App& command, TokenOptions& options) {
  command.add_option("--account", options.account, "Account to log in as")->required();
  command.add_option("--app", options.app, "App that the account belongs to")
      ->capture_default_str();
  command.add_option("--ttl", options.ttl, "How long the token is valid: 30s, 90m, 24h, 7d")
      ->capture_default_str();
  CLI::Option* secret =
      command.add_option("--secret", options.secret,
                         "The gateway's AppSecret; others on this machine can see "
                         "it in the process list: prefer --secret-file");
  command.add_option("--secret-file", options.secret_file, "File that holds the AppSecret")
      ->excludes(secret);
}

Result<std::int64_t> parse_ttl_s(std::string_view text) {
  std::int64_t count = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
  const std::int64_t seconds = unit_seconds(unit);
  if (error != std::errc{} || seconds == 0 || count < 1 || count > kMaxTtlS / seconds) {
    return usage_error("--ttl {}: write a time between 1s and 100 years as 30s, 90m, 24h or 7d",
                       text);
  }
  return count * seconds;
}

Result<std::string> make_token(const TokenOptions& options, std::int64_t now_s) {
  if (!is_valid_account(options.account)) {
    return usage_error(
        "--account: use 1 to {} bytes of UTF-8 without commas and control characters",
        kMaxAccountBytes);
  }
  if (!is_valid_app(options.app)) {
    return usage_error("--app: use 1 to {} bytes of UTF-8 without commas and control characters",
                       kMaxAppBytes);
  }
  const Result<std::int64_t> ttl_s = parse_ttl_s(options.ttl);
  if (!ttl_s) return std::unexpected(ttl_s.error());
  const Result<std::string> secret = choose_secret(options);
  if (!secret) return std::unexpected(secret.error());
  warn_of_short_secret(*secret);
  return sign_token({options.account, options.app, now_s + *ttl_s}, *secret);
}

}  // namespace ringgate
