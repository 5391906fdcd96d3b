#include "control/config/secrets.h"

#include <vector>

#include "control/base/secrets.h"
#include "control/base/text.h"
#include "control/base/text_file.h"
#include "control/config/place.h"

namespace ringgate {
namespace {

constexpr std::size_t kMaxSecretBytes = 4 * Config::kKiB;

// A secret that can be given as itself or by a file that holds it; both are in Config.
struct SecretKey {
  std::string_view key;
  std::string_view file_key;
  Place<std::string> secret;
  Place<std::string> file;
  bool is_token;  // It goes into a header: one line without control characters.
};
const SecretKey kSecretKeys[] = {
    {"AppSecret", "AppSecretFile", at<&Config::app_secret>(), at<&Config::app_secret_file>(),
     false},
    {"AppSecretPrevious", "AppSecretPreviousFile", at<&Config::app_secret_previous>(),
     at<&Config::app_secret_previous_file>(), false},
    {"ConsulToken", "ConsulTokenFile", at<&Config::consul, &consul::Options::token>(),
     at<&Config::consul, &consul::Options::token_file>(), true},
    {"MessageStore", "MessageStoreFile", at<&Config::message_store>(),
     at<&Config::message_store_file>(), true},
    {"RedisPassword", "RedisPasswordFile", at<&Config::redis_password>(),
     at<&Config::redis_password_file>(), false},
    {"RedisSentinelPassword", "RedisSentinelPasswordFile", at<&Config::redis_sentinel_password>(),
     at<&Config::redis_sentinel_password_file>(), false},
    {"AdminToken", "AdminTokenFile", at<&Config::admin_token>(), at<&Config::admin_token_file>(),
     true},
};

// It is compared with what a header has, whose end nobody sees.
Result<void> check_admin_token(std::string_view token) {
  if (auto meant = check_meant("AdminToken", token); !meant) return meant;
  if (token.find_first_of(" \t") != token.npos) {
    return usage_error("AdminToken has a blank in it; remove it");
  }
  constexpr std::string_view kMend =
      "make one with \"openssl rand -hex 32 >FILE\", and name it in AdminTokenFile";
  if (token == kDevelopmentSecret) {
    return usage_error("AdminToken is the development secret, which everybody knows; {}", kMend);
  }
  if (!token.empty() && token.size() < kMinSecretBytes) {
    return usage_error("AdminToken has {} bytes, which can be guessed; it takes {} at least; {}",
                       token.size(), kMinSecretBytes, kMend);
  }
  return {};
}

}  // namespace

std::string environment_name(std::string_view key) {
  std::string name(kEnvironmentPrefix);
  for (const char c : key) name += (c >= 'a' && c <= 'z') ? static_cast<char>(c - 'a' + 'A') : c;
  return name;
}

// Of two one would be in force without a word: a variable that was exported for something else, or
// a file that somebody believes in.
Result<void> check_secret_sources(const Config& of_file, const std::set<std::string_view>& given) {
  for (const SecretKey& secret : kSecretKeys) {
    std::vector<std::string> sources;
    if (given.contains(secret.key)) {
      sources.push_back("environment variable " + environment_name(secret.key));
    }
    if (given.contains(secret.file_key)) {
      sources.push_back("environment variable " + environment_name(secret.file_key));
    }
    if (!secret.secret.get(of_file).empty()) sources.push_back(std::string(secret.key));
    if (!secret.file.get(of_file).empty()) sources.push_back(std::string(secret.file_key));
    if (sources.size() > 1) {
      return usage_error("{} and {} are both set; keep one of them", sources[0], sources[1]);
    }
  }
  return {};
}

Result<std::string> read_secret_file(const std::string& file) {
  auto text = read_text_file(file, kMaxSecretBytes);
  if (!text) return text;
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  if (text->empty()) return usage_error("{} is empty; put the secret in it", file);
  if (auto meant = check_meant(file, *text); !meant) return std::unexpected(meant.error());
  return text;
}

Result<void> read_secrets(Config& config) {
  for (const SecretKey& secret : kSecretKeys) {
    const std::string file = secret.file.get(config);
    if (file.empty()) continue;
    auto text = read_secret_file(file);
    if (!text) return usage_error("{}: {}", secret.file_key, text.error().message);
    if (secret.is_token && has_control(*text)) {
      return usage_error(
          "{}: {} has more than one line, or a control character; keep the token only",
          secret.file_key, file);
    }
    secret.secret.set(config, std::move(*text));
  }
  return {};
}

Result<void> check_secrets(const Config& config, ProcessRole role) {
  if (auto good = check_admin_token(config.admin_token); !good) return good;
  if (auto meant = check_meant("ConsulToken", config.consul.token); !meant) return meant;
  if (role != ProcessRole::kGateway) return {};
  if (auto good = check_secret("AppSecret", config.app_secret); !good) return good;
  return check_secret("AppSecretPrevious", config.app_secret_previous);
}

}  // namespace ringgate
