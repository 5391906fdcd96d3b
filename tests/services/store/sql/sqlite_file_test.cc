// SQLite's own: what is in the file: its schema, and what others have put in its place.
#include <fmt/format.h>
#include <sqlite3.h>

#include <atomic>
#include <thread>

#include "tests/services/store/sql/sqlite_fixture.h"

namespace ringgate::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST_P(SqliteTest, ANewerSchemaIsNotTouched) {
  begin_with("sqlite://" + file());
  ASSERT_TRUE(world_->is_well());
  world_.reset();
  change(file(), "UPDATE ringgate_schema SET version = 4711");
  begin_with("sqlite://" + file());
  EXPECT_THAT(world_->problem_with("has tables that are not ours to use"),
              AllOf(HasSubstr("version 4711"), HasSubstr("knows up to 2")));
  EXPECT_EQ(world_->ask(AckMessages{"kim", "bob", 1}).error(), StoreError::kUnavailable);
  EXPECT_THAT(check_message_store(options_.url).error().message, HasSubstr("version 4711"));
  EXPECT_THAT(migrate_message_store(options_.url).error().message, HasSubstr("version 4711"));
  change(file(), "UPDATE ringgate_schema SET version = 2");
  EXPECT_TRUE(world_->is_well());
}

// All that one select gives, in one column.
std::vector<std::string> ask(const std::string& file, const std::string& question) {
  std::vector<std::string> all;
  sqlite3* database = nullptr;
  EXPECT_EQ(sqlite3_open(file.c_str(), &database), SQLITE_OK);
  const auto add = [](void* to, int, char** values, char**) {
    static_cast<std::vector<std::string>*>(to)->emplace_back(values[0]);
    return 0;
  };
  EXPECT_EQ(sqlite3_exec(database, question.c_str(), add, &all, nullptr), SQLITE_OK);
  sqlite3_close(database);
  return all;
}

TEST_P(SqliteTest, ACheckMissesNoTableAndNoColumn) {
  const std::string url = "sqlite://" + file();
  ASSERT_TRUE(migrate_message_store(url));
  ASSERT_TRUE(check_message_store(url));
  const std::string good = (folder_.path() / "good").string();
  std::filesystem::copy(file(), good);
  const auto spoilt = [&](const std::string& statement) {
    std::filesystem::copy(good, file(), std::filesystem::copy_options::overwrite_existing);
    change(file(), statement.c_str());
    const auto checked = check_message_store(url);
    EXPECT_FALSE(checked) << statement;
    EXPECT_FALSE(migrate_message_store(url)) << statement;
    return checked ? "" : checked.error().message;
  };
  const auto tables = ask(good, "SELECT name FROM sqlite_schema WHERE type = 'table'");
  EXPECT_EQ(tables.size(), 6u);
  for (const std::string& table : tables) {
    // Without that one, it is no store of ours.
    const bool is_mark = table == "ringgate_schema";
    EXPECT_THAT(spoilt("DROP TABLE " + table),
                HasSubstr(is_mark ? "somebody else's" : "in " + table + ": no such table"));
    for (const auto& column : ask(good, "SELECT name FROM pragma_table_info('" + table + "')")) {
      EXPECT_THAT(spoilt(fmt::format("ALTER TABLE {} RENAME COLUMN {} TO other", table, column)),
                  HasSubstr(column));
    }
  }
}

TEST_P(SqliteTest, ATableThatIsLostIsOneEpisode) {
  begin_with("sqlite://" + file());
  ASSERT_TRUE(world_->is_well());
  change(file(), "ALTER TABLE message_index RENAME TO elsewhere");
  EXPECT_FALSE(world_->ask(TalkToUser{"kim", "bob", message("alice", now_ns_)}));
  EXPECT_THAT(world_->problem_with("lacks"), HasSubstr("message_index"));
  expect_one_episode();
  change(file(), "ALTER TABLE elsewhere RENAME TO message_index");
  EXPECT_TRUE(world_->is_well());
  talk("alice", "bob", now_ns_);
}

// That the file can be opened, and a row of it changed, does not show that talks are kept.
TEST_P(SqliteTest, WhatFailedHasToBeDoneBeforeItIsOver) {
  begin_with("sqlite://" + file());
  ASSERT_TRUE(world_->is_well());
  change(file(),
         "CREATE TRIGGER stop BEFORE INSERT ON message_index BEGIN INSERT INTO nowhere VALUES (1); "
         "END");
  EXPECT_FALSE(world_->ask(TalkToUser{"kim", "bob", message("alice", now_ns_)}));
  expect_one_episode();
  change(file(), "DROP TRIGGER stop");
  EXPECT_TRUE(world_->is_well()) << "though nobody talks";
  EXPECT_EQ(ask(file(), "SELECT count(*) FROM message_content").front(), "0");
  change(file(),
         "CREATE TRIGGER stop BEFORE DELETE ON message_content BEGIN INSERT INTO nowhere VALUES "
         "(1); END");
  begin_with("sqlite://" + file());
  EXPECT_THAT(world_->problem_with("has tables"), HasSubstr("nowhere"));
  expect_one_episode();
  change(file(), "DROP TRIGGER stop");
  EXPECT_TRUE(world_->is_well());
}

// The log of the file before would be written over what is in the new one.
TEST_P(SqliteTest, AFileThatIsPutInItsPlaceKeepsWhatIsInIt) {
  const std::string backup = (folder_.path() / "backup").string();
  options_.url = "sqlite://" + backup;
  open();
  std::vector<std::int64_t> kept;
  kept.reserve(100);
  for (int i = 0; i < 100; ++i) kept.push_back(talk("alice", "bob", now_ns_ + i));
  world_.reset();
  for (const bool is_noticed : {true, false}) {
    SCOPED_TRACE(is_noticed);
    const std::string copy = backup + ".copy";
    std::filesystem::copy(backup, copy);
    options_.url = "sqlite://" + file();
    options_.reconnect_max_ms = 200;
    options_.probe_ms = 600'000;
    open();
    for (int i = 0; i < 50; ++i) talk("alice", "carol", now_ns_);
    std::filesystem::rename(copy, file());
    if (is_noticed) {
      EXPECT_FALSE(world_->ask(TalkToUser{"kim", "bob", message("alice", now_ns_)}));
      ASSERT_TRUE(world_->is_well()) << "with what is there now";
      EXPECT_EQ(index("bob", -1), kept);
      talk("alice", "dave", now_ns_);
    }
    open();
    EXPECT_EQ(index("bob", -1), kept);
    EXPECT_THAT(index("carol", -1), IsEmpty());
    world_.reset();
    EXPECT_EQ(ask(file(), "PRAGMA integrity_check").front(), "ok");
    std::filesystem::remove(file());
  }
  const auto logs = std::ranges::count_if(
      std::filesystem::directory_iterator(folder_.path()),
      [](const auto& entry) { return entry.path().string().contains("-wal.of-replaced-"); });
  EXPECT_EQ(logs, 2) << "and nothing is lost of what was in the old ones";
}

TEST_P(SqliteTest, WhatIsWrittenOverTheFileIsNotTakenForIt) {
  begin_with("sqlite://" + file());
  ASSERT_TRUE(world_->is_well());
  talk("alice", "bob", now_ns_);
  const std::string text(10'000, 'x');
  folder_.write("messages.db", text);
  EXPECT_FALSE(world_->ask(TalkToUser{"kim", "bob", message("alice", now_ns_)}));
  EXPECT_THAT(world_->problem_with("does not work"), HasSubstr("file is not a database"));
  expect_one_episode();
  world_.reset();
  EXPECT_EQ(std::filesystem::file_size(file()), text.size()) << "nothing was written into it";
}

TEST_P(SqliteTest, ADatabaseOfSomebodyElseIsNotTouched) {
  change(file(), "CREATE TABLE orders (id INTEGER)");
  const std::string url = "sqlite://" + file();
  for (const auto& refused : {check_message_store(url), migrate_message_store(url)}) {
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message,
                AllOf(HasSubstr("somebody else's"), HasSubstr("a file of their own")));
  }
  begin_with(url);
  EXPECT_THAT(world_->problem_with("has tables that are not ours to use"),
              HasSubstr("somebody else's"));
  world_.reset();
  EXPECT_THAT(ask(file(), "SELECT name FROM sqlite_schema"), ElementsAre("orders"));
}

TEST_P(SqliteTest, WhatIsNoDatabaseIsSaid) {
  folder_.write("messages.db", std::string(10'000, 'x'));
  begin_with("sqlite://" + file());
  EXPECT_THAT(world_->problem_with("does not work"), HasSubstr("file is not a database"));
}

// Another process has the file while the time of a talk goes by: its sender is told so, and it is
// as if it had not been said.
TEST_P(SqliteTest, ATalkThatIsTooLateIsUndone) {
  options_.client.timeout_ms = 20'000;
  begin_with("sqlite://" + file());
  ASSERT_TRUE(world_->is_well());
  ASSERT_EQ(create("g1", {"bob", "carol"}), GroupOutcome::kDone);
  options_.client.timeout_ms = 300;
  begin_with("sqlite://" + file());
  ASSERT_TRUE(world_->is_well());
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(file().c_str(), &other), SQLITE_OK);
  sqlite3_busy_timeout(other, 5'000);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  const Message said = message("alice", now_ns_);
  const Message to_all = message("alice", now_ns_);
  auto talked = world_->begin(TalkToUser{"kim", "bob", said});
  auto group = world_->begin(TalkToGroup{"kim", "g1", to_all});
  EXPECT_EQ(talked.get().error(), StoreError::kTimeout);
  EXPECT_EQ(group.get().error(), StoreError::kTimeout);
  ASSERT_EQ(sqlite3_exec(other, "COMMIT", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  EXPECT_TRUE(eventually([&] { return world_->thread().calls().in_flight() == 0; }));
  EXPECT_EQ(world_->thread().calls().late(), 2u);
  ASSERT_TRUE(world_->is_well());
  options_.client.timeout_ms = 20'000;
  begin_with("sqlite://" + file());
  ASSERT_TRUE(world_->is_well());
  EXPECT_THAT(index("bob", -1), IsEmpty());
  EXPECT_THAT(index("carol", -1), IsEmpty());
  EXPECT_THAT(bodies("alice", {said.id, to_all.id}), ElementsAre("-", "-"));
}

TEST_P(SqliteTest, ManyMayStartAtOnce) {
  options_.url = "sqlite://" + file();
  std::vector<std::thread> all;
  std::atomic<int> failed{0};
  all.reserve(8);
  for (int i = 0; i < 8; ++i) {
    all.emplace_back([&] {
      const auto done = migrate_message_store(options_.url);
      if (!done && failed.fetch_add(1) == 0) ADD_FAILURE() << done.error().message;
    });
  }
  for (std::thread& one : all) one.join();
  EXPECT_EQ(failed.load(), 0);
  EXPECT_EQ(check_message_store(options_.url)->version, 2);
}

TEST(MessageStoreCheck, OfWhatIsNoFileIsRefusedAtOnce) {
  const TempDir folder;
  const std::string pipe = (folder.path() / "pipe").string();
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& path : {pipe, folder.path().string(), std::string("/dev/null")}) {
    const auto checked = check_message_store("sqlite://" + path);
    ASSERT_FALSE(checked) << path;
    EXPECT_THAT(checked.error().message,
                AllOf(HasSubstr("not a regular file"), Not(HasSubstr("creates the file"))));
    EXPECT_FALSE(migrate_message_store("sqlite://" + path)) << path;
  }
  const auto missing = check_message_store("sqlite:///no/such/folder/messages.db");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("make the folder /no/such/folder"));
  const std::string fresh = "sqlite://" + (folder.path() / "messages.db").string();
  const auto not_yet = check_message_store(fresh);
  ASSERT_FALSE(not_yet);
  EXPECT_THAT(not_yet.error().message, HasSubstr("; a service that starts creates the file, and"));
}

TEST(MessageStoreUrl, NeverShowsAPassword) {
  const auto name =
      message_store_name("postgresql://chat:s3cret@db1,db2:6432/talks?sslmode=require");
  ASSERT_TRUE(name);
  EXPECT_THAT(*name, AllOf(HasSubstr("postgresql db1,db2:"), HasSubstr("/talks"),
                           Not(HasSubstr("s3cret")), Not(HasSubstr("chat"))));
  for (const char* const bad :
       {"postgresql://chat:s3cret%zz@db", "mysql://chat:s3cret@db",
        "postgresql://chat:of@s3cret@db/talks", "sqlite://s3cret", "sqlite:///s3cret/", ""}) {
    const auto wrong = message_store_name(bad);
    ASSERT_FALSE(wrong) << bad;
    EXPECT_EQ(wrong.error().exit_code, 2);
    EXPECT_THAT(wrong.error().message, Not(HasSubstr("s3cret")));
  }
}

}  // namespace
}  // namespace ringgate::test
