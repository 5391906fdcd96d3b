#include "services/logic/redis_options.h"

#include <utility>

namespace ringgate {

Result<RedisStoreOptions> redis_options(const Config& config) {
  RedisStoreOptions options;
  options.default_app = config.default_app;
  options.boot_ms = static_cast<std::uint32_t>(config.gateway_lease.count());
  if (config.redis) {
    if (!config.redis_urls.empty()) {
      return usage_error("RedisURL and RedisAddrs are both set; keep one of them");
    }
    options.target = redis_at(*config.redis);
    options.target.addresses.front().access.password = config.redis_password;
    return options;
  }
  auto target =
      parse_redis_urls(config.redis_urls, {config.redis_password, config.redis_sentinel_password});
  if (!target) return usage_error("RedisURL {}", target.error().message);
  options.target = std::move(*target);
  if (!options.target.has_tls()) return options;
  auto tls = RedisTlsContext::load(
      {config.redis_ca_file, config.redis_certificate_file, config.redis_key_file});
  if (!tls) return std::unexpected(tls.error());
  options.tls = std::move(*tls);
  return options;
}

}  // namespace ringgate
