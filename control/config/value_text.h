// The value that a key has in a Config, as one would write it. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "control/config/keys.h"

namespace ringgate {

inline constexpr std::string_view kMasked = "********";

// Lists with commas between; empty where nothing is set. Secrets are in it: see below.
[[nodiscard]] std::string value_text(const ConfigKey& key, const Config& config);

// The same for others to read. A secret is kMasked; of a URL, what may be one: its password, and
// what its parameters say, but those that are known to be harmless.
[[nodiscard]] std::string masked_value_text(const ConfigKey& key, const Config& config);

// The key is a secret, or may have one in it.
[[nodiscard]] bool is_secret(const ConfigKey& key);

// An error about a value without what may be a secret in it: what stands before an @, but for the
// scheme, and behind a ?. Whoever has written one where none is taken reads the error in a log.
[[nodiscard]] Error without_secrets(Error error, const RawValue& raw);

// Of a URL of a store, see masked_value_text().
[[nodiscard]] std::string mask_url(std::string_view url);

}  // namespace ringgate
