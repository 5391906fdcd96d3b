// What a configuration has come to: every key, its value, and where that comes from. Secrets are
// masked. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/config.h"

namespace ringgate {

struct EffectiveValue {
  std::string_view key;
  std::string value;         // masked where it is a secret; empty: none
  std::string source;        // "file", "environment", "secret file" or "default"
  std::size_t line = 0;      // of the file
  std::string name;          // of the variable, or of the secret file
  std::string_view means{};  // where the value does not say what a default comes to
  bool is_secret = false;
  bool is_heeded = true;  // by a process of that role
};

// In the order of the table of keys.
[[nodiscard]] std::vector<EffectiveValue> effective_values(const Config& config, ProcessRole role);

// A line for each: key, value, source. With what is noticed of the configuration, if anything is.
[[nodiscard]] std::string effective_text(const Config& config, ProcessRole role);
// {"role": ..., "keys": [{"key", "value", "source", ...}], "notices": [...]}
[[nodiscard]] std::string effective_json(const Config& config, ProcessRole role);

}  // namespace ringgate
