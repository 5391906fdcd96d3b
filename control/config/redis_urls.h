// RedisURL as a list: hosts of one URL have commas between them, too.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/base/error.h"

namespace ringgate {

// The URLs again, of what was between commas or a list's own items. An error quotes nothing: there
// may be a password in it.
[[nodiscard]] Result<std::vector<std::string>> join_redis_urls(
    const std::vector<std::string>& parts);
// The same of one text, as the environment has it.
[[nodiscard]] Result<std::vector<std::string>> split_redis_urls(std::string_view text);

}  // namespace ringgate
