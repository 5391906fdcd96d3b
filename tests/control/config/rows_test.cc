// What holds for every row of the table of keys, those that are still to come among them.
#include "tests/control/config/rows.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "control/config/compare.h"
#include "control/config/keys.h"
#include "control/config/secrets.h"
#include "tests/control/config/parse.h"

namespace ringgate::test {
namespace {

using Names = std::vector<std::string_view>;

constexpr ProcessRole kRoles[] = {ProcessRole::kGateway, ProcessRole::kLogin, ProcessRole::kChat,
                                  ProcessRole::kEcho};

TEST(ConfigRows, AChangeOfTheFileIsToldByTheNameOfItsKeyAlone) {
  const Rows rows;
  for (const ProcessRole role : kRoles) {
    for_every_row(rows, role, [](const ConfigKey& key, const Variation& files) {
      EXPECT_EQ(changed_keys(files.before, files.after), Names{key.name});
      EXPECT_EQ(changed_keys(files.after, files.after), Names{});
    });
  }
}

TEST(ConfigRows, AReloadTakesOverWhatTheRowSaysAndRefusesTheRest) {
  const Rows rows;
  for (const ProcessRole role : kRoles) {
    for_every_row(rows, role, [role](const ConfigKey& key, const Variation& files) {
      if (!is_heeded(key, role)) return;
      const Result<ReloadPlan> plan = plan_reload(files.before, files.after, role);
      const bool may_change =
          key.use.reload == Reload::kEverywhere ||
          (key.use.reload == Reload::kInGateway && role == ProcessRole::kGateway) ||
          (key.use.reload == Reload::kInServices && role != ProcessRole::kGateway);
      ASSERT_EQ(plan.has_value(), may_change) << key.name << " of a " << role_name(role);
      if (plan) {
        EXPECT_EQ(plan->changed, Names{key.name});
        EXPECT_TRUE(is_same(key, plan->config, files.after)) << key.name;
      } else {
        EXPECT_EQ(
            plan.error().message,
            fmt::format("{} cannot change while running; restart for that, or undo it", key.name));
      }
    });
  }
}

// One file may serve all processes of a host: what another process uses is no matter, also beside
// what is taken over.
TEST(ConfigRows, AReloadPassesOverWhatTheProcessDoesNotHeed) {
  const Rows rows;
  std::size_t passed_over = 0;
  for (const ProcessRole role : kRoles) {
    for_every_row(rows, role, [&](const ConfigKey& key, const Variation& files) {
      if (is_heeded(key, role)) return;
      ++passed_over;
      Config wanted = files.after;
      wanted.log_level = LogLevel::kTrace;
      const Result<ReloadPlan> plan = plan_reload(files.before, wanted, role);
      ASSERT_TRUE(plan) << key.name << " of a " << role_name(role) << ": " << plan.error().message;
      EXPECT_EQ(plan->changed, Names{"LogLevel"});
      EXPECT_TRUE(is_same(key, plan->config, files.before)) << key.name;
    });
  }
  EXPECT_GT(passed_over, 0U);
}

TEST(ConfigRows, StoresAreNoMatterToAGatewayNorMessagesToALogin) {
  for (const char* const name : {"RedisURL", "RedisPassword", "MessageStore", "MaxMessageBody"}) {
    EXPECT_FALSE(is_heeded(*find_config_key(name), ProcessRole::kGateway)) << name;
    EXPECT_TRUE(is_heeded(*find_config_key(name), ProcessRole::kChat)) << name;
  }
  EXPECT_TRUE(is_heeded(*find_config_key("RedisURL"), ProcessRole::kLogin));
  EXPECT_FALSE(is_heeded(*find_config_key("MessageStore"), ProcessRole::kLogin));
}

// What is copied is one key's: nothing else comes with it, and nothing of it stays behind.
TEST(ConfigRows, AValueIsTakenOverWholeAndAlone) {
  const Rows rows;
  for_every_row(rows, ProcessRole::kGateway, [](const ConfigKey& key, const Variation& files) {
    Config config = files.before;
    copy_value(key, files.after, config);
    EXPECT_EQ(changed_keys(files.before, config), Names{key.name});
    EXPECT_EQ(changed_keys(files.after, config), Names{});
  });
}

TEST(ConfigRows, TheEnvironmentGivesWhatTheFileGives) {
  const Rows rows;
  for_every_row(rows, ProcessRole::kGateway, [](const ConfigKey& key, const Variation& files) {
    const std::string name(key.name);
    KeyValues file = files.files_before;
    file.erase(name);
    const Variables variables = {{environment_name(name), files.files_after.at(name)}};
    const Result<Config> config = parse(yaml_of(file), variables);
    ASSERT_TRUE(config) << key.name << ": " << config.error().message;
    EXPECT_EQ(changed_keys(*config, files.after), Names{}) << key.name;
  });
}

TEST(ConfigRows, AFileMaySpellAKeyInAnyCase) {
  const Rows rows;
  for_every_row(rows, ProcessRole::kGateway, [](const ConfigKey& key, const Variation& files) {
    KeyValues file = files.files_after;
    auto node = file.extract(std::string(key.name));
    for (char& c : node.key()) c = static_cast<char>(c ^ (c >= 'A' ? 0x20 : 0));
    file.insert(std::move(node));
    const Result<Config> config = parse(yaml_of(file));
    ASSERT_TRUE(config) << key.name << ": " << config.error().message;
    EXPECT_EQ(changed_keys(*config, files.after), Names{}) << key.name;
  });
}

TEST(ConfigRows, AnIgnoredKeyChangesNothingAndIsNoticed) {
  for (const ConfigKey& key : config_keys()) {
    if (!std::holds_alternative<IgnoredKey>(key.kind)) continue;
    const Result<Config> config = parse(fmt::format("{}{}: 1\n", kRequired, key.name));
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(changed_keys(*parse(kRequired), *config), Names{});
    ASSERT_EQ(config->notices.size(), 1U);
    EXPECT_CONTAINS(config->notices[0], key.name);
  }
}

}  // namespace
}  // namespace ringgate::test
