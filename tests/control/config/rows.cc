#include "tests/control/config/rows.h"

#include <gtest/gtest.h>

#include "control/base/text.h"

namespace ringgate::test {
namespace {

constexpr const char* kPem = "-----BEGIN CERTIFICATE-----\n";

// What may be another valid value for a key, by its kind. A kind that is missing does not compile.
struct OtherValues {
  using Texts = std::vector<std::string>;
  const Config& now;
  const std::vector<std::string>& files;

  Texts operator()(const TextKey&) const {
    Texts texts{"another-text-of-some-length"};
    texts.insert(texts.end(), files.begin(), files.end());
    return texts;
  }
  Texts operator()(const ServiceIdKey&) const { return {"another"}; }
  Texts operator()(const HostKey&) const { return {"127.0.0.2"}; }
  Texts operator()(const ConsulUrlKey&) const { return {"https://127.0.0.2:8501"}; }
  Texts operator()(const MessageStoreKey&) const { return {"sqlite:///b.db"}; }
  Texts operator()(const SubprotocolKey&) const { return {"another"}; }
  Texts operator()(const SwitchKey& key) const { return {key.place.get(now) ? "false" : "true"}; }
  Texts operator()(const PortKey& key) const { return {std::to_string(key.place.get(now) + 1)}; }
  Texts operator()(const CountKey& key) const {
    return {std::to_string(key.place.get(now) + 1), std::to_string(key.min)};
  }
  Texts operator()(const SizeKey& key) const {
    const std::size_t size = key.place.get(now);
    return {std::to_string(size == 0 ? key.max : size * 2), std::to_string(key.min)};
  }
  Texts operator()(const DurationKey& key) const {
    return {format_duration(key.place.get(now) + std::chrono::seconds(1)),
            format_duration(key.min)};
  }
  Texts operator()(const MicrosecondsKey& key) const {
    return {format_microseconds(key.place.get(now) + std::chrono::microseconds(1)),
            format_microseconds(key.min)};
  }
  Texts operator()(const NamesKey&) const { return {"login, chat, another"}; }
  Texts operator()(const TagsKey&) const { return {"another, tag"}; }
  Texts operator()(const OriginsKey&) const { return {"https://another.example"}; }
  Texts operator()(const RoutesKey&) const { return {"another=chat"}; }
  Texts operator()(const SelectorsKey&) const { return {"rendezvous"}; }
  Texts operator()(const SlowConsumerKey&) const { return {"drop_oldest"}; }
  Texts operator()(const ListenKey&) const { return {"ws://127.0.0.1:8002/", "127.0.0.1:8002"}; }
  Texts operator()(const ProxiesKey&) const { return {"192.168.0.0/16"}; }
  Texts operator()(const RedisUrlsKey&) const { return {"redis+cluster://127.0.0.1,127.0.0.2"}; }
  Texts operator()(const RedisKey&) const { return {"127.0.0.1:6380"}; }
  Texts operator()(const GroupTalkKey&) const { return {"anyone"}; }
  Texts operator()(const TlsVersionKey&) const { return {"1.3"}; }
  Texts operator()(const RingKey&) const { return {"epoll"}; }
  Texts operator()(const LogLevelKey&) const { return {"debug"}; }
  Texts operator()(const LogFormatKey&) const { return {"json"}; }
  Texts operator()(const IgnoredKey&) const { return {}; }
};

std::string route_file(const std::string& zone) {
  return R"({"zones": [{"id": ")" + zone + R"(", "weight": 1}]})";
}

// Only a gateway listens for WebSocket.
KeyValues base_of(KeyValues values, ProcessRole role) {
  if (role != ProcessRole::kGateway) values["Listen"] = "127.0.0.1:8000";
  return values;
}

Result<Config> read(const KeyValues& values, ProcessRole role) {
  return parse_config(yaml_of(values), nullptr, role);
}

}  // namespace

std::string yaml_of(const KeyValues& values) {
  std::string yaml;
  for (const auto& [key, value] : values) yaml.append(key).append(": ").append(value).append("\n");
  return yaml;
}

// Secrets as such and in files, a registry in a file and at Consul: no key lacks what it needs in
// both.
Rows::Rows() {
  const std::string secret = "a-secret-of-the-tests";
  const auto file = [this](const std::string& name, const std::string& text) {
    return dir_.write(name, text).string();
  };
  files_ = {file("another-secret", secret), file("another-route.json", route_file("b")),
            file("another.pem", kPem)};
  const KeyValues both = {{"ServiceID", "gw01"},
                          {"ServiceName", "gate"},
                          {"Listen", "ws://127.0.0.1:8000/"},
                          {"TrustedProxies", "10.0.0.0/8"},
                          {"MonitorPort", "9000"},
                          {"AdminPort", "9100"},
                          {"Selectors", "route"},
                          {"RouteFile", file("route.json", route_file("a"))}};
  KeyValues inline_secrets = both;
  inline_secrets.merge(KeyValues{{"RegistryFile", "services.json"},
                                 {"AppSecret", secret},
                                 {"AppSecretPrevious", secret},
                                 {"AdminToken", secret},
                                 {"MessageStore", "sqlite:///a.db"},
                                 {"RedisPassword", secret},
                                 {"RedisSentinelPassword", secret},
                                 {"ConsulToken", secret}});
  const std::string in_file = file("secret", secret);
  KeyValues at_consul = both;
  at_consul.merge(KeyValues{{"ConsulURL", "https://127.0.0.1:8501"},
                            {"ConsulCA", file("ours.pem", kPem)},
                            {"AppSecretFile", in_file},
                            {"AppSecretPreviousFile", in_file},
                            {"AdminTokenFile", in_file},
                            {"MessageStoreFile", in_file},
                            {"RedisPasswordFile", in_file},
                            {"RedisSentinelPasswordFile", in_file},
                            {"ConsulTokenFile", in_file}});
  bases_ = {inline_secrets, at_consul};
}

std::optional<Variation> Rows::variation(const ConfigKey& key, ProcessRole role) const {
  for (const KeyValues& base : bases_) {
    const KeyValues values = base_of(base, role);
    const Result<Config> before = read(values, role);
    if (!before) {
      ADD_FAILURE() << before.error().message;
      return std::nullopt;
    }
    for (const std::string& text : std::visit(OtherValues{*before, files_}, key.kind)) {
      KeyValues changed = values;
      changed[std::string(key.name)] = text;
      const Result<Config> after = read(changed, role);
      if (after && !is_same(key, *before, *after)) {
        return Variation{values, changed, *before, *after};
      }
    }
  }
  return std::nullopt;
}

}  // namespace ringgate::test
