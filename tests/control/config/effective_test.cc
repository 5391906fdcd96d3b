#include "control/config/effective.h"

#include <gmock/gmock.h>

#include <map>

#include "control/base/text.h"
#include "control/config/keys.h"
#include "control/config/listen.h"
#include "control/config/value_text.h"
#include "tests/common/temp_dir.h"
#include "tests/control/config/parse.h"

namespace ringgate::test {
namespace {

using testing::HasSubstr;
using testing::Not;

std::map<std::string, EffectiveValue> by_key(const Config& config) {
  std::map<std::string, EffectiveValue> rows;
  for (EffectiveValue& row : effective_values(config, ProcessRole::kGateway)) {
    rows[std::string(row.key)] = std::move(row);
  }
  return rows;
}

constexpr const char* kHidden = "a-secret-that-nobody-may-see";

TEST(EffectiveConfig, EveryKeyHasAValueAndASource) {
  const TempDir dir;
  const std::string file = dir.write("secret", std::string(kHidden) + "\n").string();
  const auto environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "RINGGATE_IDLETIMEOUT") return "30s";
    return std::nullopt;
  };
  const auto config = parse_config(
      "ServiceID: gw01\nRegistryFile: services.json\nAppSecretFile: " + file + "\nListen: [\":1\"]",
      environment, ProcessRole::kGateway);
  ASSERT_TRUE(config) << config.error().message;
  std::map<std::string, EffectiveValue> rows = by_key(*config);
  EXPECT_EQ(rows.size(), config_keys().size());
  EXPECT_EQ(rows["ServiceID"].value, "gw01");
  EXPECT_EQ(rows["ServiceID"].source, "file");
  EXPECT_EQ(rows["ServiceID"].line, 1U);
  EXPECT_EQ(rows["Listen"].value, "tcp://:1");
  EXPECT_EQ(rows["Listen"].line, 4U);
  EXPECT_EQ(rows["IdleTimeout"].value, "30s");
  EXPECT_EQ(rows["IdleTimeout"].source, "environment");
  EXPECT_EQ(rows["IdleTimeout"].name, "RINGGATE_IDLETIMEOUT");
  EXPECT_EQ(rows["MaxFrame"].value, "64KiB");
  EXPECT_EQ(rows["MaxFrame"].source, "default");
  EXPECT_EQ(rows["ServiceName"].value, "tgateway");
  EXPECT_EQ(rows["ServiceName"].source, "default");
  EXPECT_EQ(rows["Shards"].means, "one per usable CPU");
  EXPECT_EQ(rows["AppSecret"].value, kMasked);
  EXPECT_EQ(rows["AppSecret"].source, "secret file");
  EXPECT_EQ(rows["AppSecret"].name, file);
  EXPECT_EQ(rows["AppSecretPrevious"].value, "");
  EXPECT_TRUE(rows["MaxFrame"].is_heeded);
  EXPECT_FALSE(rows["RedisURL"].is_heeded);
  const std::string text = effective_text(*config, ProcessRole::kGateway);
  const std::string json = effective_json(*config, ProcessRole::kGateway);
  EXPECT_THAT(text, HasSubstr("not heeded by a gateway"));
  EXPECT_THAT(json, HasSubstr(R"("key": "IdleTimeout")"));
  EXPECT_THAT(text + json, Not(HasSubstr(kHidden)));
}

// Whichever key may hold a secret, and whoever adds one that may.
TEST(EffectiveConfig, NoSecretIsShown) {
  for (const ConfigKey& key : config_keys()) {
    if (!is_secret(key)) continue;
    Config config;
    std::string value = kHidden;
    if (std::holds_alternative<RedisUrlsKey>(key.kind)) value = "redis://me:" + value + "@host/1";
    if (std::holds_alternative<MessageStoreKey>(key.kind)) {
      value = "postgresql://me:" + value + "@host/db";
    }
    ASSERT_TRUE(apply_config_value(key, RawValue{value}, config)) << key.name;
    const std::string shown = effective_text(config, ProcessRole::kChat);
    EXPECT_THAT(shown, HasSubstr(kMasked)) << key.name;
    EXPECT_THAT(shown, Not(HasSubstr(kHidden))) << key.name;
  }
}

TEST(EffectiveConfig, OfAUrlWhatMayBeASecretIsMasked) {
  const std::pair<const char*, const char*> cases[] = {
      {"redis://host:6379/0", "redis://host:6379/0"},
      {"redis://:pw@host", "redis://:********@host"},
      {"redis://me:p@:/?w@host", "redis://me:********@host"},
      {"redis+cluster://me:pw@h1,h2", "redis+cluster://me:********@h1,h2"},
      {"postgresql://me@h1:5432,h2/db?sslmode=require&password=pw",
       "postgresql://me@h1:5432,h2/db?sslmode=require&password=********"},
      {"postgresql://host/db?%70assword=pw", "postgresql://host/db?%70assword=********"},
      {"postgresql://host/db?password=a@b", "postgresql://host:********@b"},
      {"sqlite:///var/lib/ringgate/messages.db", "sqlite:///var/lib/ringgate/messages.db"},
      {"memory:", "memory:"},
  };
  for (const auto& [url, masked] : cases) EXPECT_EQ(mask_url(url), masked);
}

// Whoever puts a secret where none is taken reads the message in a log that others read, too.
TEST(EffectiveConfig, AMessageTellsNothingThatMayBeASecret) {
  for (const char* line :
       {"ConsulURL: http://ops:PassWord@127.0.0.1:1",
        "ConsulURL: http://127.0.0.1:1/?token=PassWord", "ConsulURL: 'PassWord@http://h:1'",
        "RedisAddrs: u:PassWord@h:1", "RedisAddrs: redis://u:PassWord@h:1",
        "TrustedProxies: u:PassWord@10.0.0.1", "TrustedProxies: 'u:PassWord,word@10.0.0.1'",
        "TrustedProxies: [10.0.0.1, 'u:PassWord@10.0.0.2']", "AllowedOrigins: https://u:PassWord@h",
        "AllowedOrigins: h/?token=PassWord", "AllowedOrigins: https://h/?token=PassWord",
        "Listen: u:PassWord@h:1", "Listen: ws://u:PassWord@h:1/a",
        "Listen: wss://u:PassWord@h:1/a?proxy=on", "Listen: ws://h:1/a?token=PassWord",
        "PublicAddress: u:PassWord@h", "Routes: {chat: 'u:PassWord@h'}"}) {
    const std::string message = error_of(parse(kRequired + line));
    EXPECT_CONTAINS(message, "line 4");
    EXPECT_EQ(lower_case(message).find("password@"), std::string::npos) << message;
    EXPECT_EQ(message.find("PassWord"), std::string::npos) << message;
    EXPECT_EQ(message.find("brackets"), std::string::npos) << message;
  }
  EXPECT_CONTAINS(error_of(parse(kRequired + "ConsulURL: http://a@h:1")), "ConsulTokenFile");
  EXPECT_CONTAINS(error_of(parse(kRequired + "RedisAddrs: a@h:1")), "without a user");
  EXPECT_CONTAINS(error_of(parse(kRequired + "RedisAddrs: redis://h:1")), "write host:port alone");
  EXPECT_CONTAINS(error_of(parse(kRequired + "TrustedProxies: a@h")), "\"…@h\" is neither");
}

TEST(EffectiveConfig, OfALinkWhatMayBeASecretIsMasked) {
  const auto config = parse(kRequired + "Domain: http://u:PassWord@x/?token=PassWord");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(by_key(*config)["Domain"].value, "http://u:********@x/?token=********");
}

TEST(EffectiveConfig, AListenerIsWrittenAsItIsRead) {
  for (const char* text :
       {"tcp://127.0.0.1:8001", "tls://[::1]:8001?proxy=off&client_cert=required",
        "ws://:8000/chat/*?proxy=required", "wss://h:1/", "unix:/run/a.sock",
        "ws+unix:/run/a.sock:/chat"}) {
    const auto listen = parse_listen(text);
    ASSERT_TRUE(listen) << text;
    EXPECT_EQ(format_listen(*listen), text);
  }
}

}  // namespace
}  // namespace ringgate::test
