// The secrets of a configuration: where each comes from, and whether it is any good. Any thread.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "control/config.h"

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

// A gateway's: neither public nor to be guessed.
[[nodiscard]] Result<void> check_app_secrets(const Config& config);

}  // namespace ringgate
