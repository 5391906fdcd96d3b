#include "control/config/words.h"

#include <algorithm>

#include "control/base/text.h"
#include "control/discovery/instance.h"

namespace ringgate {
std::string_view quotable(std::string_view text) {
  return has_control(text) ? std::string_view("?") : text;
}

std::pair<std::string, std::string> split_pair(std::string text) {
  std::erase_if(text, [](char c) { return c == '{' || c == '}'; });
  const std::size_t mark = std::min(text.find_first_of("=:"), text.size());
  return {std::string(trim(text.substr(0, mark))),
          std::string(trim(text.substr(std::min(mark + 1, text.size()))))};
}

Result<void> check_name(const std::string& name) {
  if (valid_service_id(name)) return {};
  return usage_error("\"{}\" is not a valid name; use 1-64 characters of A-Z a-z 0-9 . _ -",
                     quotable(name));
}

Result<void> check_prefix(const std::string& prefix) {
  if (prefix.find('.') == std::string::npos && valid_service_id(prefix)) return {};
  return usage_error("\"{}\" is not a command prefix: the part before the first dot",
                     quotable(prefix));
}

Result<AddressRange> parse_address_range(const std::string& text) {
  if (const auto range = AddressRange::parse(text)) return *range;
  if (const auto around = AddressRange::around(text)) {
    return usage_error(
        "\"{}\" has bits set beyond its prefix; write {}, or the prefix that is meant", text,
        around->text());
  }
  return usage_error("\"{}\" is neither an address nor a range such as 10.0.0.0/8 or 2001:db8::/32",
                     quotable(text));
}

}  // namespace ringgate
