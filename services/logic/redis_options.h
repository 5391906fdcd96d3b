// The session store of Redis as the configuration has it. Pure but for the files that it names, any
// thread.
#pragma once

#include "control/base/error.h"
#include "control/config/config.h"
#include "services/store/redis/options.h"

namespace ringgate {

[[nodiscard]] inline bool has_redis(const Config& config) {
  return config.redis.has_value() || !config.redis_urls.empty();
}
// Reads the files of TLS. Errors name the key, and have exit code 2. Only where has_redis().
[[nodiscard]] Result<RedisStoreOptions> redis_options(const Config& config);

}  // namespace ringgate
