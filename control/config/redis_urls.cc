#include "control/config/redis_urls.h"

#include <algorithm>
#include <utility>

#include "control/base/text.h"

namespace ringgate {
namespace {

// A part that belongs to the URL before: one of its hosts, or, where that has had no @ yet, more of
// its password, whose blanks are to be seen.
void append(std::string& url, std::string_view part) {
  const bool is_host = url.contains('@') || !part.contains('@');
  url.append(",").append(is_host ? trim(part) : part);
}

}  // namespace

Result<std::vector<std::string>> join_redis_urls(const std::vector<std::string>& parts) {
  std::vector<std::string> urls;
  for (const std::string& part : parts) {
    if (has_control(part)) return usage_error("has a control character in it; remove it");
    if (trim(part).empty()) {
      return usage_error("has nothing before, between or behind its commas; remove one");
    }
    if (part.contains("://")) {
      urls.emplace_back(trim(part));
    } else if (!urls.empty()) {
      append(urls.back(), part);
    } else {
      return usage_error(
          "takes redis://, rediss://, unix:///, redis+sentinel:// or redis+cluster://");
    }
  }
  return urls;
}

Result<std::vector<std::string>> split_redis_urls(std::string_view text) {
  std::vector<std::string> parts;
  if (trim(text).empty()) return parts;
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    parts.emplace_back(text.substr(0, comma));
    if (comma == text.size()) return join_redis_urls(parts);
    text.remove_prefix(comma + 1);
  }
}

}  // namespace ringgate
