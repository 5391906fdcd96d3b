// Configurations of tests, and what is wrong with them.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>

#include "control/config/config.h"

namespace ringgate::test {

using Variables = std::map<std::string, std::string>;

inline const std::string kSecret = "a secret of the tests";
inline const std::string kAppSecret = "AppSecret: " + kSecret + "\n";
inline const std::string kRequired =
    "ServiceID: gw01\nRegistryFile: services.json\nAppSecret: sixteen bytes or more\n";

inline Result<Config> parse(const std::string& yaml, const Variables& variables = {},
                            ProcessRole role = ProcessRole::kGateway) {
  const auto lookup = [&](const std::string& name) -> std::optional<std::string> {
    const auto at = variables.find(name);
    if (at == variables.end()) return std::nullopt;
    return at->second;
  };
  return parse_config(yaml, lookup, role);
}

// The message, which has to be one line; exit code 2 is asserted on the way.
inline std::string error_of(const Result<Config>& result) {
  if (result) return "(no error)";
  EXPECT_EQ(result.error().exit_code, 2);
  EXPECT_EQ(result.error().message.find('\n'), std::string::npos) << result.error().message;
  return result.error().message;
}

}  // namespace ringgate::test

#define EXPECT_CONTAINS(text, part) \
  EXPECT_NE(std::string(text).find(part), std::string::npos) << (text)
