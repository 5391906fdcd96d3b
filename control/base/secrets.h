// What is no secret: what everybody knows, and what can be guessed. Pure, any thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "control/base/error.h"

namespace ringgate {

// Everyone who reads this file knows this secret, and it is in the sources of other programs that
// speak the protocol. It is right for `ringgate dev`, for the tools that talk to it and for tests;
// a gateway that is configured refuses it.
inline constexpr std::string_view kDevelopmentSecret = "jwt-1sNzdiSgnNuxyq2g7xml2JvLArU";

inline constexpr std::size_t kMinSecretBytes = 16;

// Editors and shells put it in front of a text; of a secret it is no part that anybody meant.
inline constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// What nobody means by a secret, whatever it is for. `where` names the key, or the file.
inline Result<void> check_meant(std::string_view where, std::string_view secret) {
  if (secret.starts_with(kByteOrderMark)) {
    return usage_error(
        "{} begins with a byte order mark (BOM), which is no part of a secret; save it without",
        where);
  }
  if (!secret.empty() && secret.find_first_not_of(" \t\r\n") == secret.npos) {
    return usage_error("{} is made of blanks only; put the secret there", where);
  }
  return {};
}

// Of the configuration key of that name. An empty one is none.
inline Result<void> check_secret(std::string_view key, std::string_view secret) {
  if (auto meant = check_meant(key, secret); !meant) return meant;
  constexpr std::string_view kMend =
      "make one with \"openssl rand -base64 32 >FILE\", and name it in AppSecretFile";
  if (secret == kDevelopmentSecret) {
    return usage_error("{} is the development secret, which everybody knows; {}", key, kMend);
  }
  if (!secret.empty() && secret.size() < kMinSecretBytes) {
    return usage_error("{} has {} bytes, which can be guessed; it takes {} at least; {}", key,
                       secret.size(), kMinSecretBytes, kMend);
  }
  return {};
}

}  // namespace ringgate
