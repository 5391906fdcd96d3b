#include "control/config/keys.h"

#include <gtest/gtest.h>

#include <set>

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

// A default that its own bounds refuse could not be written into a file.
TEST(ConfigKeys, DefaultsAreWithinTheirBounds) {
  const Config fresh;
  for (const ConfigKey& key : config_keys()) {
    if (const auto* size = std::get_if<SizeKey>(&key.kind)) {
      EXPECT_GE(fresh.*size->member, size->min) << key.name;
      EXPECT_LE(fresh.*size->member, size->max) << key.name;
    }
    if (const auto* count = std::get_if<CountKey>(&key.kind)) {
      EXPECT_GE(fresh.*count->member, count->min) << key.name;
      EXPECT_LE(fresh.*count->member, count->max) << key.name;
    }
    if (const auto* time = std::get_if<DurationKey>(&key.kind)) {
      EXPECT_GE(fresh.*time->member, time->min) << key.name;
      EXPECT_LE(fresh.*time->member, time->max) << key.name;
    }
  }
}

// Each numeric key: its bounds are taken, one beyond is refused, and it lands in its own member.
TEST(ConfigKeys, BoundsAreInclusiveAndMembersDistinct) {
  const Config fresh;
  std::set<const void*> members;
  for (const ConfigKey& key : config_keys()) {
    const auto apply = [&](const std::string& text, Config& config) {
      return apply_config_value(key, RawValue{text}, config).has_value();
    };
    Config config;
    if (const auto* size = std::get_if<SizeKey>(&key.kind)) {
      EXPECT_TRUE(members.insert(&(fresh.*size->member)).second) << key.name;
      EXPECT_TRUE(apply(std::to_string(size->min), config)) << key.name;
      EXPECT_EQ(config.*size->member, size->min) << key.name;
      EXPECT_TRUE(apply(std::to_string(size->max), config)) << key.name;
      EXPECT_FALSE(apply(std::to_string(size->max + 1), config)) << key.name;
      if (size->min > 0) {
        EXPECT_FALSE(apply(std::to_string(size->min - 1), config)) << key.name;
      }
    }
    if (const auto* count = std::get_if<CountKey>(&key.kind)) {
      EXPECT_TRUE(members.insert(&(fresh.*count->member)).second) << key.name;
      EXPECT_TRUE(apply(std::to_string(count->max), config)) << key.name;
      EXPECT_EQ(config.*count->member, count->max) << key.name;
      EXPECT_FALSE(apply(std::to_string(count->max + 1), config)) << key.name;
      if (count->min > 0) {
        EXPECT_FALSE(apply(std::to_string(count->min - 1), config)) << key.name;
      }
    }
    if (const auto* time = std::get_if<DurationKey>(&key.kind)) {
      EXPECT_TRUE(members.insert(&(fresh.*time->member)).second) << key.name;
      EXPECT_TRUE(apply(format_duration(time->max), config)) << key.name;
      EXPECT_EQ(config.*time->member, time->max) << key.name;
      const auto beyond = std::to_string(time->max.count() + 1) + "ms";
      EXPECT_FALSE(apply(beyond, config)) << key.name;
      if (time->min.count() > 0) {
        EXPECT_FALSE(apply("0s", config)) << key.name;
      }
      EXPECT_FALSE(apply("10", config)) << key.name;
    }
  }
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
