// The secrets of a configuration: where each comes from, and whether it is any good. Any thread.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "control/config/config.h"

namespace ringgate {

inline constexpr std::string_view kEnvironmentPrefix = "RINGGATE_";

// "RINGGATE_APPSECRET" for "AppSecret".
[[nodiscard]] std::string environment_name(std::string_view key);

// A secret has one source: the key, its file, or a variable for one of them. `of_file` is what the
// YAML file said, `given` the keys that the environment has.
[[nodiscard]] Result<void> check_secret_sources(const Config& of_file,
                                                const std::set<std::string_view>& given);

// Those that stand in files, into the members that they are for.
[[nodiscard]] Result<void> read_secrets(Config& config);

// The text of a file without the line ends after it: editors add one, secrets do not have one. At
// most 4 KiB. Errors name the file and have exit code 2.
[[nodiscard]] Result<std::string> read_secret_file(const std::string& file);

// Neither public, where that matters, nor to be guessed, nor what nobody meant.
[[nodiscard]] Result<void> check_secrets(const Config& config, ProcessRole role);

}  // namespace ringgate
