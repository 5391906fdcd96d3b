#include "control/config/value_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "control/base/text.h"
#include "control/config/listen.h"

namespace ringgate {
namespace {

std::string text(const std::string& value) {
  return value;
}
std::string text(bool value) {
  return value ? "true" : "false";
}
std::string text(std::uint16_t value) {
  return fmt::format("{}", value);
}
std::string text(std::size_t value) {
  return fmt::format("{}", value);
}
std::string text(Config::Duration value) {
  return format_duration(value);
}
std::string text(std::chrono::microseconds value) {
  return format_microseconds(value);
}
std::string text(GroupTalk value) {
  return value == GroupTalk::kAnyone ? "anyone" : "members";
}
std::string text(tls::MinVersion value) {
  return value == tls::MinVersion::kTls13 ? "1.3" : "1.2";
}
std::string text(RingKind value) {
  return std::string(describe(value));
}
std::string text(LogLevel value) {
  return std::string(log_level_name(value));
}
std::string text(LogFormat value) {
  return std::string(log_format_name(value));
}
std::string text(const std::vector<std::string>& value) {
  return fmt::format("{}", fmt::join(value, ", "));
}
std::string text(const std::optional<Endpoint>& value) {
  return value ? format_endpoint(*value) : std::string();
}
std::string text(const std::map<std::string, std::string>& value) {
  std::vector<std::string> pairs;
  pairs.reserve(value.size());
  for (const auto& [name, to] : value) pairs.push_back(fmt::format("{}={}", name, to));
  return text(pairs);
}
// Those of prefixes win over the one for all.
template <class Choices, class NameOf>
std::string choices_text(const Choices& value, NameOf name_of) {
  if (value.by_prefix.empty()) return std::string(name_of(value.for_all));
  std::vector<std::string> pairs;
  pairs.reserve(value.by_prefix.size());
  for (const auto& [prefix, kind] : value.by_prefix) {
    pairs.push_back(fmt::format("{}={}", prefix, name_of(kind)));
  }
  return text(pairs);
}
std::string text(const Selectors& value) {
  return choices_text(value, &selector_name);
}
std::string text(const SlowConsumers& value) {
  return choices_text(value, &slow_consumer_name);
}
std::string text(const std::vector<ListenSpec>& value) {
  std::vector<std::string> all;
  all.reserve(value.size());
  for (const ListenSpec& listen : value) all.push_back(format_listen(listen));
  return text(all);
}
std::string text(const AddressRanges& value) {
  std::vector<std::string> all;
  all.reserve(value.size());
  for (const AddressRange& range : value) all.push_back(range.text());
  return text(all);
}

struct ValueText {
  const Config& config;

  template <class Key>
  std::string operator()(const Key& key) const {
    return text(key.place.get(config));
  }
  std::string operator()(const SizeKey& key) const { return format_size(key.place.get(config)); }
  std::string operator()(const IgnoredKey&) const { return {}; }
};

// Parameters of a store's URL that tell nobody how to get in. Whatever else there is may.
bool is_harmless(std::string_view parameter) {
  constexpr std::array<std::string_view, 7> kHarmless{
      "sslmode", "connect_timeout", "application_name", "target_session_attrs", "host",
      "port",    "dbname"};
  return std::ranges::find(kHarmless, parameter) != kHarmless.end();
}

std::string mask_parameters(std::string_view parameters) {
  std::string masked;
  while (!parameters.empty()) {
    const std::size_t end = std::min(parameters.find('&'), parameters.size());
    const std::string_view one = parameters.substr(0, end);
    const std::size_t mark = std::min(one.find('='), one.size());
    masked += masked.empty() ? '?' : '&';
    masked += one.substr(0, mark);
    if (mark < one.size()) masked += '=';
    masked += is_harmless(one.substr(0, mark)) ? one.substr(std::min(mark + 1, one.size()))
                                               : (mark < one.size() ? kMasked : "");
    parameters.remove_prefix(std::min(end + 1, parameters.size()));
  }
  return masked;
}

}  // namespace

// A password may have any character in it where nobody has escaped it: all up to the last @ counts.
std::string mask_url(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::size_t begin = scheme == url.npos ? 0 : scheme + 3;
  const std::size_t at = url.rfind('@');
  std::string masked(url.substr(0, begin));
  std::string_view rest = url.substr(begin);
  if (at != url.npos && at >= begin) {
    const std::string_view user = url.substr(begin, at - begin);
    const std::size_t end = user.find_first_of(":/?");
    masked += user.substr(0, end);
    if (end != user.npos) masked.append(":").append(kMasked);
    masked += '@';
    rest = url.substr(at + 1);
  }
  const std::size_t mark = std::min(rest.find('?'), rest.size());
  masked += rest.substr(0, mark);
  return masked + mask_parameters(rest.substr(std::min(mark + 1, rest.size())));
}

bool is_secret(const ConfigKey& key) {
  return file_key_of(key) != nullptr || std::holds_alternative<RedisUrlsKey>(key.kind);
}

std::string value_text(const ConfigKey& key, const Config& config) {
  return std::visit(ValueText{config}, key.kind);
}

std::string masked_value_text(const ConfigKey& key, const Config& config) {
  if (const auto* const urls = std::get_if<RedisUrlsKey>(&key.kind)) {
    std::vector<std::string> all = urls->place.get(config);
    std::ranges::transform(all, all.begin(), mask_url);
    return text(all);
  }
  const std::string value = value_text(key, config);
  if (std::holds_alternative<MessageStoreKey>(key.kind)) return mask_url(value);
  return is_secret(key) && !value.empty() ? std::string(kMasked) : value;
}

}  // namespace ringgate
