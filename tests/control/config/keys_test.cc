#include "control/config/keys.h"

#include <gtest/gtest.h>

#include <set>
#include <type_traits>

#include "control/base/text.h"

namespace ringgate {
namespace {

TEST(ConfigKeys, EveryKeyIsDescribedOnce) {
  std::set<std::string> names;
  for (const ConfigKeyInfo& row : describe_config_keys()) {
    EXPECT_TRUE(names.insert(lower_case(row.key)).second) << row.key;
    EXPECT_FALSE(row.meaning.empty()) << row.key;
    EXPECT_EQ(row.meaning.find('\n'), std::string::npos) << row.key;
  }
  EXPECT_EQ(names.size(), config_keys().size());
}

TEST(ConfigKeys, DefaultsComeFromConfig) {
  std::map<std::string, std::string> defaults;
  for (const ConfigKeyInfo& row : describe_config_keys()) defaults[row.key] = row.default_text;
  EXPECT_EQ(defaults["MaxFrame"], "64KiB");
  EXPECT_EQ(defaults["MaxLinkFrame"], "16MiB");
  EXPECT_EQ(defaults["IdleTimeout"], "2m");
  EXPECT_EQ(defaults["RedialMin"], "100ms");
  EXPECT_EQ(defaults["TokenGrace"], "0s");
  EXPECT_EQ(defaults["PinShards"], "true");
  EXPECT_EQ(defaults["MonitorAddress"], "127.0.0.1");
  EXPECT_EQ(defaults["LogLevel"], "info");
  EXPECT_EQ(defaults["MaxOutstanding"], "65536");
  EXPECT_EQ(defaults["Shards"], "one per usable CPU");
}

// Calls check(key, kind, a number of the kind's place) for every key that has bounds.
template <class Check>
void for_every_bounded(Check check) {
  for (const ConfigKey& key : config_keys()) {
    if (const auto* size = std::get_if<SizeKey>(&key.kind)) check(key, *size);
    if (const auto* count = std::get_if<CountKey>(&key.kind)) check(key, *count);
    if (const auto* time = std::get_if<DurationKey>(&key.kind)) check(key, *time);
    if (const auto* time = std::get_if<MicrosecondsKey>(&key.kind)) check(key, *time);
  }
}

std::string text(std::size_t number) {
  return std::to_string(number);
}
std::string text(Config::Duration time) {
  return std::to_string(time.count()) + "ms";
}

std::string text(std::chrono::microseconds time) {
  return std::to_string(time.count()) + "us";
}

// A default that its own bounds refuse could not be written into a file.
TEST(ConfigKeys, DefaultsAreWithinTheirBounds) {
  const Config fresh;
  for_every_bounded([&](const ConfigKey& key, const auto& kind) {
    EXPECT_GE(kind.place.get(fresh), kind.min) << key.name;
    EXPECT_LE(kind.place.get(fresh), kind.max) << key.name;
  });
}

// The bounds are taken and kept whole, also where the place is narrower than the bound's type; one
// beyond is refused.
TEST(ConfigKeys, BoundsAreInclusive) {
  for_every_bounded([&](const ConfigKey& key, const auto& kind) {
    using Value = std::remove_cvref_t<decltype(kind.min)>;
    Config config;
    for (const Value bound : {kind.min, kind.max}) {
      EXPECT_TRUE(apply_config_value(key, RawValue{text(bound)}, config)) << key.name;
      EXPECT_EQ(kind.place.get(config), bound) << key.name;
    }
    EXPECT_FALSE(apply_config_value(key, RawValue{text(kind.max + Value(1))}, config)) << key.name;
    if (kind.min == Value(0)) return;
    EXPECT_FALSE(apply_config_value(key, RawValue{text(kind.min - Value(1))}, config)) << key.name;
  });
}

TEST(ConfigKeys, ATimeHasAUnit) {
  for (const ConfigKey& key : config_keys()) {
    if (!std::holds_alternative<DurationKey>(key.kind) &&
        !std::holds_alternative<MicrosecondsKey>(key.kind)) {
      continue;
    }
    Config config;
    EXPECT_FALSE(apply_config_value(key, RawValue{"10"}, config)) << key.name;
  }
}

TEST(ConfigKeys, WhoHeedsAKeyAndWhereItIsReloadedIsDescribed) {
  std::map<std::string, std::pair<std::string, std::string>> told;
  for (const ConfigKeyInfo& row : describe_config_keys()) {
    told[row.key] = {row.heeded_by, row.reload};
  }
  using Pair = std::pair<std::string, std::string>;
  EXPECT_EQ(told["LogLevel"], Pair("all", "yes"));
  EXPECT_EQ(told["MaxFrame"], Pair("gateway", "yes"));
  EXPECT_EQ(told["DrainTime"], Pair("all", "gateway"));
  EXPECT_EQ(told["RedisAddrs"], Pair("services", "yes"));
  EXPECT_EQ(told["DefaultApp"], Pair("services", ""));
  EXPECT_EQ(told["Shards"], Pair("all", ""));
}

TEST(ConfigKeys, FindsAnyCaseAndTheNearest) {
  ASSERT_NE(find_config_key("sErViCeId"), nullptr);
  EXPECT_EQ(find_config_key("serviceid")->name, "ServiceID");
  EXPECT_EQ(find_config_key("nonsense"), nullptr);
  EXPECT_EQ(nearest_config_key("ServiseID").name, "ServiceID");
  EXPECT_EQ(nearest_config_key("idle_timeout").name, "IdleTimeout");
}

}  // namespace
}  // namespace ringgate
