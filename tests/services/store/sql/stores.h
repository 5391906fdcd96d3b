// The kinds of message stores, for tests that hold for each of them.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/common/temp_dir.h"
#include "tests/services/store/sql/messages_world.h"
#include "tests/services/store/sql/postgres_server.h"

namespace ringgate::test {

// One for all tests of the process; it takes a while to be made.
inline PostgresServer& postgres() {
  static PostgresServer server;
  return server;
}

enum class StoreKind : std::uint8_t { kMemory, kSqlite, kPostgres };

inline std::string name_of_kind(const testing::TestParamInfo<StoreKind>& info) {
  switch (info.param) {
    case StoreKind::kMemory:
      return "Memory";
    case StoreKind::kSqlite:
      return "Sqlite";
    case StoreKind::kPostgres:
      break;
  }
  return "Postgres";
}

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kDayNs = 86'400 * kSecondNs;

// A store that is well, and short ways to ask it.
class StoreTest : public testing::TestWithParam<StoreKind> {
 protected:
  void SetUp() override {
    options_.client.timeout_ms = 20'000;
    options_.url = url();
    open();
  }

  [[nodiscard]] std::string url() {
    static int number = 0;
    if (GetParam() == StoreKind::kMemory) return "memory:";
    if (GetParam() == StoreKind::kSqlite) {
      return "sqlite://" + (folder_.path() / "messages.db").string();
    }
    return postgres().url("chat" + std::to_string(++number));
  }
  // With what options_ says now; the store before has been closed.
  void open() {
    world_.reset();
    world_ = std::make_unique<MessagesWorld>(options_);
    ASSERT_TRUE(world_->is_well()) << world_->health().problem().value_or("");
  }

  [[nodiscard]] Message message(std::string sender, std::int64_t sent_ns, std::string body = "hi") {
    return {MessageIds::first_at(sent_ns / 1'000'000) | ++count_,
            sent_ns,
            std::move(sender),
            {1, std::move(body), "extra"}};
  }
  // Returns the message's id.
  std::int64_t talk(const std::string& from, const std::string& to, std::int64_t sent_ns,
                    const std::string& app = "kim") {
    const Message said = message(from, sent_ns);
    EXPECT_TRUE(world_->ask(TalkToUser{app, to, said}));
    return said.id;
  }
  [[nodiscard]] std::vector<std::int64_t> index(const std::string& account, std::int64_t after,
                                                const std::string& app = "kim") {
    const auto entries = world_->ask(ReadMessageIndex{app, account, after, now_ns_});
    EXPECT_TRUE(entries);
    std::vector<std::int64_t> ids;
    if (!entries) return ids;
    for (const MessageIndexEntry& entry : *entries) ids.push_back(entry.message_id);
    return ids;
  }
  void ack(const std::string& account, std::int64_t id, const std::string& app = "kim") {
    EXPECT_TRUE(world_->ask(AckMessages{app, account, id}));
  }
  // Of each id its body, or "-".
  [[nodiscard]] std::vector<std::string> bodies(const std::string& account,
                                                std::vector<std::int64_t> ids,
                                                const std::string& app = "kim") {
    const auto found = world_->ask(ReadMessages{app, account, std::move(ids)});
    EXPECT_TRUE(found);
    std::vector<std::string> all;
    for (const auto& one : *found) all.push_back(one ? one->body : "-");
    return all;
  }
  [[nodiscard]] GroupOutcome create(const std::string& id, std::vector<std::string> members,
                                    const std::string& app = "kim") {
    const auto created = world_->ask(
        CreateGroup{app, {id, "name of " + id, "a", "i", "olga", now_ns_}, std::move(members)});
    EXPECT_TRUE(created);
    return created.value_or(GroupOutcome::kNoGroup);
  }
  [[nodiscard]] GroupChange join(const std::string& id, const std::string& caller,
                                 const std::string& account) {
    const auto joined = world_->ask(JoinGroup{"kim", id, caller, account, now_ns_ + ++count_});
    EXPECT_TRUE(joined);
    return joined.value_or(GroupChange{});
  }
  [[nodiscard]] GroupChange quit(const std::string& id, const std::string& caller,
                                 const std::string& account) {
    const auto gone = world_->ask(QuitGroup{"kim", id, caller, account});
    EXPECT_TRUE(gone);
    return gone.value_or(GroupChange{});
  }
  [[nodiscard]] std::vector<std::string> members(const std::string& id,
                                                 const std::string& app = "kim") {
    const auto detail = world_->ask(ReadGroup{app, id});
    EXPECT_TRUE(detail);
    std::vector<std::string> names;
    if (!detail || !detail->has_value()) return {"no group"};
    for (const GroupMember& member : (*detail)->members) names.push_back(member.account);
    return names;
  }

  TempDir folder_;
  MessageStoreOptions options_;
  std::unique_ptr<MessagesWorld> world_;
  std::int64_t now_ns_ = wall_clock_ns();
  std::int64_t count_ = 0;
};

}  // namespace ringgate::test
