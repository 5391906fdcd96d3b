// From a value as it was written to a checked member of Config: one function per kind of key.
#include <fmt/format.h>

#include <algorithm>

#include "control/base/text.h"
#include "control/config/http_token.h"
#include "control/config/keys.h"
#include "control/config/listen.h"
#include "control/config/origin.h"
#include "control/config/redis_urls.h"
#include "control/config/value_text.h"
#include "control/config/words.h"
#include "control/discovery/consul/options.h"
#include "control/discovery/instance.h"

namespace ringgate {
namespace {

constexpr std::size_t kMaxListen = 16;

Result<std::string> scalar_of(const RawValue& raw, std::string_view wanted) {
  if (const auto* text = std::get_if<std::string>(&raw.value)) return *text;
  return usage_error("takes {}, not a list or a map", wanted);
}

Result<std::vector<std::string>> list_of(const RawValue& raw, std::string_view wanted) {
  if (const auto* list = std::get_if<std::vector<std::string>>(&raw.value)) return *list;
  if (const auto* text = std::get_if<std::string>(&raw.value)) return split_commas(*text);
  return usage_error("takes {}, not a map", wanted);
}

// A map, or pairs between commas (for the environment).
Result<RawValue::Pairs> pairs_of(const RawValue& raw, std::string_view wanted) {
  if (const auto* map = std::get_if<RawValue::Pairs>(&raw.value)) return *map;
  auto list = list_of(raw, wanted);
  if (!list) return std::unexpected(list.error());
  RawValue::Pairs pairs;
  for (const std::string& item : *list) pairs.push_back(split_pair(item));
  return pairs;
}

struct Applier {
  const RawValue& raw;
  Config& config;

  Result<void> operator()(const TextKey& key) const {
    auto text = scalar_of(raw, "a text");
    if (!text) return std::unexpected(text.error());
    if (has_control(*text)) return usage_error("has a control character in it; remove it");
    key.place.set(config, *text);
    return {};
  }

  // What a server answers is one of the tokens that a client offers (RFC 6455, section 4.1).
  Result<void> operator()(const SubprotocolKey& key) const {
    auto text = scalar_of(raw, "one subprotocol");
    if (!text) return std::unexpected(text.error());
    if (!is_http_token(*text)) {
      return usage_error(
          "\"{}\" is never offered; write one name, without blanks, commas or other separators",
          quotable(*text));
    }
    key.place.set(config, std::move(*text));
    return {};
  }

  Result<void> operator()(const ServiceIdKey& key) const {
    auto text = scalar_of(raw, "a name");
    if (!text) return std::unexpected(text.error());
    if (auto good = check_name(*text); !good) return good;
    key.place.set(config, *text);
    return {};
  }

  Result<void> operator()(const HostKey& key) const {
    auto text = scalar_of(raw, "a host");
    if (!text) return std::unexpected(text.error());
    if (text->empty()) {
      key.place.set(config, {});
      return {};
    }
    auto host = parse_host(*text);
    if (!host) return usage_error("\"{}\" {}", quotable(*text), host.error().message);
    key.place.set(config, std::move(*host));
    return {};
  }

  Result<void> operator()(const SwitchKey& key) const {
    auto text = scalar_of(raw, "true or false");
    if (!text) return std::unexpected(text.error());
    const auto on = parse_switch(*text);
    if (!on) return usage_error("takes true or false, not \"{}\"", *text);
    key.place.set(config, *on);
    return {};
  }

  Result<void> operator()(const PortKey& key) const {
    const auto number = number_of(0, 65535);
    if (!number) return std::unexpected(number.error());
    key.place.set(config, static_cast<std::uint16_t>(*number));
    return {};
  }

  // As the default of several bounds is written that may be 0.
  template <class Key>
  [[nodiscard]] bool is_off(const Key& key) const {
    const auto* const text = std::get_if<std::string>(&raw.value);
    const bool is_so = key.min == 0 && text != nullptr && lower_case(*text) == "off";
    if (is_so) key.place.set(config, 0);
    return is_so;
  }

  Result<void> operator()(const CountKey& key) const {
    if (is_off(key)) return {};
    const auto number = number_of(key.min, key.max);
    if (!number) return std::unexpected(number.error());
    key.place.set(config, *number);
    return {};
  }

  Result<void> operator()(const SizeKey& key) const {
    if (is_off(key)) return {};
    auto text = scalar_of(raw, "a size");
    if (!text) return std::unexpected(text.error());
    const auto size = parse_size(*text);
    const std::string range = fmt::format("{} to {}", format_size(key.min), format_size(key.max));
    if (!size) return usage_error("takes a size such as 64KiB, from {}, not \"{}\"", range, *text);
    if (*size < key.min || *size > key.max)
      return usage_error("{} is out of range; it may be {}", *text, range);
    key.place.set(config, *size);
    return {};
  }

  Result<void> operator()(const DurationKey& key) const {
    return set_time(key, parse_duration, format_duration, "s", "250ms, 10s or 2m");
  }
  Result<void> operator()(const MicrosecondsKey& key) const {
    return set_time(key, parse_microseconds, format_microseconds, "us", "300us or 2ms");
  }

  Result<void> operator()(const NamesKey& key) const {
    auto list = list_of(raw, "a name or a list of them");
    if (!list) return std::unexpected(list.error());
    for (const std::string& name : *list) {
      if (auto good = check_name(name); !good) return good;
    }
    key.place.set(config, std::move(*list));
    return {};
  }

  Result<void> operator()(const TagsKey& key) const {
    auto list = list_of(raw, "a list of texts");
    if (!list) return std::unexpected(list.error());
    if (std::ranges::any_of(*list, has_control)) {
      return usage_error("has a control character in it; remove it");
    }
    key.place.set(config, std::move(*list));
    return {};
  }

  Result<void> operator()(const ListenKey& key) const {
    auto list = list_of(raw, "host:port or a list of them");
    if (!list) return std::unexpected(list.error());
    std::vector<ListenSpec> all;
    for (const std::string& text : *list) {
      auto one = parse_listen(text);
      if (!one) return usage_error("{}", one.error().message);
      if (auto apart = check_apart(all, *one); !apart) return apart;
      all.push_back(std::move(*one));
    }
    if (all.empty()) return usage_error("is empty; give host:port, :port or ws://host:port/");
    if (all.size() > kMaxListen) return usage_error("has more than {} entries", kMaxListen);
    key.place.set(config, std::move(all));
    return {};
  }

  Result<void> operator()(const OriginsKey& key) const {
    auto list = list_of(raw, "scheme://host[:port] or a list of them");
    if (!list) return std::unexpected(list.error());
    for (std::string& origin : *list) {
      if (has_control(origin)) return usage_error("has a control character in it; remove it");
      auto canonical = parse_origin(origin);
      if (!canonical) return std::unexpected(canonical.error());
      origin = std::move(*canonical);
    }
    key.place.set(config, std::move(*list));
    return {};
  }

  Result<void> operator()(const ProxiesKey& key) const {
    auto list = list_of(raw, "addresses or ranges");
    if (!list) return std::unexpected(list.error());
    AddressRanges ranges;
    for (const std::string& text : *list) {
      auto range = parse_address_range(text);
      if (!range) return usage_error("{}", range.error().message);
      ranges.push_back(*range);
    }
    key.place.set(config, std::move(ranges));
    return {};
  }

  Result<void> operator()(const RoutesKey& key) const {
    const auto pairs = pairs_of(raw, "a map of command prefix to service name");
    if (!pairs) return std::unexpected(pairs.error());
    std::map<std::string, std::string> routes;
    for (const auto& [prefix, service] : *pairs) {
      if (auto checked = check_prefix(prefix); !checked) return checked;
      if (!valid_service_id(service)) {
        return usage_error("{}: \"{}\" is not a service name; write {}: NAME", prefix, service,
                           prefix);
      }
      if (!routes.emplace(prefix, service).second) {
        return usage_error("{} is there twice; remove one", prefix);
      }
    }
    key.place.set(config, std::move(routes));
    return {};
  }

  Result<void> operator()(const SelectorsKey& key) const {
    auto selectors =
        for_all_or_by_prefix<Selectors>("selector", "hash, route or rendezvous", &parse_selector);
    if (!selectors) return std::unexpected(selectors.error());
    key.place.set(config, std::move(*selectors));
    return {};
  }

  Result<void> operator()(const SlowConsumerKey& key) const {
    auto policies = for_all_or_by_prefix<SlowConsumers>(
        "policy", "close, drop_oldest or newest_only", &parse_slow_consumer);
    if (!policies) return std::unexpected(policies.error());
    key.place.set(config, std::move(*policies));
    return {};
  }

  template <class Choices, class Parse>
  Result<Choices> for_all_or_by_prefix(const char* noun, const char* names, Parse parse) const {
    const auto pairs = pairs_of(raw, fmt::format("a {0}, or a map of command prefix to {0}", noun));
    if (!pairs) return std::unexpected(pairs.error());
    return choices_of<Choices>(*pairs, noun, names, parse);
  }

  Result<void> operator()(const RedisKey& key) const {
    auto list = list_of(raw, "host:port");
    if (!list) return std::unexpected(list.error());
    if (list->empty()) {
      key.place.set(config, std::nullopt);
      return {};
    }
    if (list->size() > 1) return usage_error("takes one address; RedisURL takes several");
    auto endpoint = parse_endpoint(list->front());
    if (!endpoint) return usage_error("{}", endpoint.error().message);
    if (endpoint->host.empty()) endpoint->host = "localhost";
    if (endpoint->port == 0) return usage_error("port 0 cannot be dialled; Redis's own is 6379");
    key.place.set(config, std::move(*endpoint));
    return {};
  }

  Result<void> operator()(const RedisUrlsKey& key) const {
    const auto* const text = std::get_if<std::string>(&raw.value);
    const auto* const parts = std::get_if<std::vector<std::string>>(&raw.value);
    if (text == nullptr && parts == nullptr) {
      return usage_error("takes a URL, or a list of them, not a map");
    }
    auto urls = text != nullptr ? split_redis_urls(*text) : join_redis_urls(*parts);
    if (!urls) return std::unexpected(urls.error());
    key.place.set(config, std::move(*urls));
    return {};
  }

  // What is wrong with it is not quoted: it may have a password in it. The store looks closer.
  Result<void> operator()(const MessageStoreKey& key) const {
    auto text = scalar_of(raw, "a URL");
    if (!text) return std::unexpected(text.error());
    const bool is_known = text->empty() || *text == "memory:" || *text == "memory" ||
                          text->starts_with("sqlite://") || text->starts_with("postgresql://") ||
                          text->starts_with("postgres://");
    if (has_control(*text) || !is_known) {
      return usage_error(
          "takes sqlite:///path/to/file, postgresql://user@host/database or memory:");
    }
    key.place.set(config, std::move(*text));
    return {};
  }

  Result<void> operator()(const GroupTalkKey& key) const {
    const auto anyone = is_second("members", "anyone");
    if (!anyone) return std::unexpected(anyone.error());
    key.place.set(config, *anyone ? GroupTalk::kAnyone : GroupTalk::kMembers);
    return {};
  }

  Result<void> operator()(const TlsVersionKey& key) const {
    const auto newer = is_second("1.2", "1.3");
    if (!newer) return std::unexpected(newer.error());
    key.place.set(config, *newer ? tls::MinVersion::kTls13 : tls::MinVersion::kTls12);
    return {};
  }

  Result<void> operator()(const LogFormatKey& key) const {
    const auto json = is_second("text", "json");
    if (!json) return std::unexpected(json.error());
    key.place.set(config, *json ? LogFormat::kJson : LogFormat::kText);
    return {};
  }

  Result<void> operator()(const RingKey& key) const {
    const auto text = scalar_of(raw, "auto, io_uring or epoll");
    if (!text) return std::unexpected(text.error());
    for (const RingKind kind : {RingKind::kAuto, RingKind::kIoUring, RingKind::kEpoll}) {
      if (*text != describe(kind)) continue;
      key.place.set(config, kind);
      return {};
    }
    return usage_error("takes auto, io_uring or epoll, not \"{}\"", quotable(*text));
  }

  Result<void> operator()(const LogLevelKey& key) const {
    auto text = scalar_of(raw, "a level");
    if (!text) return std::unexpected(text.error());
    const auto level = parse_log_level(*text);
    if (!level) {
      return usage_error("takes trace, debug, info, warn, error, critical or off, not \"{}\"",
                         *text);
    }
    key.place.set(config, *level);
    return {};
  }

  Result<void> operator()(const ConsulUrlKey& key) const {
    auto text = scalar_of(raw, "a URL");
    if (!text) return std::unexpected(text.error());
    if (text->empty()) {
      key.place.set(config, {});
      return {};
    }
    if (has_control(*text)) return usage_error("has a control character in it; remove it");
    auto url = consul::parse_url(*text);
    if (!url) return std::unexpected(url.error());
    key.place.set(config, std::move(*url));
    return {};
  }

  Result<void> operator()(const IgnoredKey&) const { return {}; }

  Result<bool> is_second(std::string_view first, std::string_view second) const {
    const auto text = scalar_of(raw, fmt::format("{} or {}", first, second));
    if (!text) return std::unexpected(text.error());
    if (*text == first || *text == second) return *text == second;
    return usage_error("takes {} or {}, not \"{}\"", first, second, quotable(*text));
  }

  // `unit`: one that a number without any may have been meant in.
  template <class Key, class Parse, class Format>
  Result<void> set_time(const Key& key, Parse parse, Format format, std::string_view unit,
                        std::string_view samples) const {
    auto text = scalar_of(raw, "a duration");
    if (!text) return std::unexpected(text.error());
    const auto time = parse(*text);
    if (!time && parse_number(*text)) {
      return usage_error("{} has no unit; write for example {}{} or {}ms", *text, *text, unit,
                         *text);
    }
    if (!time) return usage_error("takes a duration such as {}, not \"{}\"", samples, *text);
    if (*time < key.min || *time > key.max) {
      return usage_error("{} is out of range; it may be {} to {}", *text, format(key.min),
                         format(key.max));
    }
    key.place.set(config, *time);
    return {};
  }

  Result<std::size_t> number_of(std::size_t min, std::size_t max) const {
    auto text = scalar_of(raw, "a whole number");
    if (!text) return std::unexpected(text.error());
    const auto number = parse_number(*text);
    if (!number)
      return usage_error("takes a whole number from {} to {}, not \"{}\"", min, max, *text);
    if (*number < min || *number > max) {
      return usage_error("{} is out of range; it may be {} to {}", *text, min, max);
    }
    return *number;
  }
};

}  // namespace

Result<void> apply_config_value(const ConfigKey& key, const RawValue& raw, Config& config) {
  auto applied = std::visit(Applier{raw, config}, key.kind);
  if (!applied) return std::unexpected(without_secrets(std::move(applied.error()), raw));
  if (std::holds_alternative<IgnoredKey>(key.kind)) {
    config.notices.push_back(
        fmt::format("configuration key {} has no effect here; it can be removed", key.name));
  }
  return applied;
}

}  // namespace ringgate
