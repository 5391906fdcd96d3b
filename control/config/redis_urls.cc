#include "control/config/redis_urls.h"

#include <utility>

#include "control/base/text.h"

namespace ringgate {

Result<std::vector<std::string>> join_redis_urls(std::vector<std::string> parts) {
  std::vector<std::string> urls;
  for (std::string& part : parts) {
    if (has_control(part)) return usage_error("has a control character in it; remove it");
    if (part.find("://") != std::string::npos) {
      urls.push_back(std::move(part));
    } else if (!urls.empty()) {
      urls.back() += "," + part;
    } else {
      return usage_error(
          "takes redis://, rediss://, unix:///, redis+sentinel:// or redis+cluster://");
    }
  }
  return urls;
}

}  // namespace ringgate
