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

// A URL where any text may be: Domain, say. Of a key that takes URLs only, nothing of that is left.
bool is_link(const ConfigKey& key, std::string_view value) {
  return std::holds_alternative<TextKey>(key.kind) && value.contains("://");
}

// Wherever `part` is in the text, however its letters are written: some messages have them in lower
// case.
void replace_all(std::string& text, std::string_view part, std::string_view by) {
  const std::string wanted = lower_case(part);
  std::size_t at = 0;
  while ((at = lower_case(text).find(wanted, at)) != std::string::npos) {
    text.replace(at, wanted.size(), by);
    at += by.size();
  }
}

// All up to the last @ counts, as mask_url() has it.
void hide_access(std::string& message, std::string_view value) {
  const std::size_t end = value.rfind('@');
  if (end == value.npos) return;
  const std::size_t scheme = value.substr(0, end).find("://");
  std::string_view before = value.substr(0, end);
  before.remove_prefix(scheme == value.npos ? 0 : scheme + 3);
  if (!before.empty()) replace_all(message, std::string(before) + "@", "…@");
}

void hide_query(std::string& message, std::string_view value) {
  const std::size_t begin = value.find('?');
  if (begin != value.npos && begin + 1 < value.size()) {
    replace_all(message, value.substr(begin), "?…");
  }
}

std::string hide_secrets(std::string message, std::string_view value) {
  hide_access(message, value);
  hide_query(message, value);
  std::size_t begin = 0;
  while (value.find(',') != value.npos && begin < value.size()) {
    const std::size_t end = std::min(value.find(',', begin), value.size());
    const std::string part(trim(value.substr(begin, end - begin)));
    hide_access(message, part);
    hide_query(message, part);
    // The front of a password with a comma in it.
    const bool is_before = value.find('@', end) != value.npos && !part.contains('@');
    if (is_before && !part.empty()) replace_all(message, '"' + part + '"', "\"…\"");
    begin = end + 1;
  }
  return message;
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
  const bool is_store = std::holds_alternative<MessageStoreKey>(key.kind);
  if (is_store || (!is_secret(key) && is_link(key, value))) return mask_url(value);
  return is_secret(key) && !value.empty() ? std::string(kMasked) : value;
}

Error without_secrets(Error error, const RawValue& raw) {
  const auto hide = [&error](std::string_view value) {
    error.message = hide_secrets(std::move(error.message), value);
  };
  if (const auto* const text = std::get_if<std::string>(&raw.value)) hide(*text);
  if (const auto* const list = std::get_if<std::vector<std::string>>(&raw.value)) {
    std::ranges::for_each(*list, hide);
  }
  if (const auto* const pairs = std::get_if<RawValue::Pairs>(&raw.value)) {
    for (const auto& [name, value] : *pairs) {
      hide(name);
      hide(value);
    }
  }
  return error;
}

}  // namespace ringgate
