// SQLite's own: the file, and a disk that does not take what is written.
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "tests/services/store/sql/stores.h"

namespace {
std::atomic<int> syncs_to_fail = 0;
}

// In place of the C library's, for SQLite too: no disk here fails when it is told to.
extern "C" int fdatasync(int fd) {
  if (syncs_to_fail > 0) {
    --syncs_to_fail;
    errno = EIO;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}

namespace ringgate::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class SqliteTest : public StoreTest {
 protected:
  void SetUp() override { options_.client.timeout_ms = 20'000; }

  void begin_with(const std::string& url) {
    options_.url = url;
    options_.reconnect_max_ms = 200;
    options_.probe_ms = 100;
    world_.reset();
    world_ = std::make_unique<MessagesWorld>(options_);
  }
  [[nodiscard]] std::string file() const { return (folder_.path() / "messages.db").string(); }
  // A disk of its own for this process and what it starts; gone with it.
  [[nodiscard]] bool mount_disk(unsigned long flags, const char* options) {
    return unshare(CLONE_NEWNS) == 0 && mount("", "/", "", MS_REC | MS_PRIVATE, nullptr) == 0 &&
           mount("tmpfs", folder_.path().c_str(), "tmpfs", flags, options) == 0;
  }
  // So often something of the store has failed.
  [[nodiscard]] double errors() {
    MetricsSnapshot metrics;
    world_->health().collect(metrics, "s");
    double all = 0;
    for (const auto& family : metrics.take()) {
      if (family.name != "ringgate_store_errors_total") continue;
      for (const auto& series : family.metric) all += series.counter.value;
    }
    return all;
  }
  // It fails again and again, and never is that said to be over.
  void expect_one_episode() {
    const double before = errors();
    ASSERT_TRUE(eventually([&] { return errors() >= before + 4 || world_->health().is_well(); }));
    EXPECT_FALSE(world_->health().is_well());
  }
  void TearDown() override {
    world_.reset();
    umount(folder_.path().c_str());
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, SqliteTest, testing::Values(StoreKind::kSqlite), name_of_kind);

void change(const std::string& file, const char* statement) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &database), SQLITE_OK);
  sqlite3_busy_timeout(database, 5'000);
  EXPECT_EQ(sqlite3_exec(database, statement, nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(database);
  sqlite3_close(database);
}

TEST_P(SqliteTest, TheFileIsItsOwnersAlone) {
  begin_with("sqlite://" + file());
  ASSERT_TRUE(world_->is_well());
  talk("alice", "bob", now_ns_);
  for (const std::string& name : {file(), file() + "-wal"}) {
    struct stat found{};
    ASSERT_EQ(stat(name.c_str(), &found), 0) << name;
    EXPECT_EQ(found.st_mode & 0777, 0600u) << name;
  }
}

// A talk that was refused is not there, though it had been written before the disk failed.
TEST_P(SqliteTest, WhatCouldNotBeSyncedIsRefusedAndIsNotFoundLater) {
  options_.url = "sqlite://" + file();
  options_.reconnect_max_ms = 200;
  options_.probe_ms = 600'000;  // its syncs would come between
  open();
  const std::int64_t before = talk("alice", "bob", now_ns_);
  syncs_to_fail = 1;
  const auto refused = world_->ask(TalkToUser{"kim", "bob", message("alice", now_ns_ + 1)});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error(), StoreError::kUnavailable);
  EXPECT_EQ(syncs_to_fail, 0) << "so it was the sync";
  ASSERT_TRUE(eventually([&] { return world_->is_well(); }));
  const std::int64_t after = talk("alice", "bob", now_ns_ + 2);
  EXPECT_THAT(index("bob", 0), ElementsAre(before, after));
}

TEST_P(SqliteTest, AFullDiskIsSaidAndIsOverByItself) {
  if (!mount_disk(0, "size=1m")) GTEST_SKIP() << "mounting is not allowed";
  begin_with("sqlite://" + file());
  ASSERT_TRUE(world_->is_well());
  const std::int64_t before = talk("alice", "bob", now_ns_);
  const std::string filler = (folder_.path() / "filler").string();
  const int fd = ::open(filler.c_str(), O_WRONLY | O_CREAT, 0600);
  const std::vector<char> much(4096, 'x');
  while (write(fd, much.data(), much.size()) > 0) continue;
  close(fd);
  StoreResult<TalkToUser::Answer> refused;
  ASSERT_TRUE(eventually([&] {
    refused =
        world_->ask(TalkToUser{"kim", "bob", message("alice", now_ns_, std::string(9000, 'x'))});
    return !refused.has_value();
  }));
  EXPECT_EQ(refused.error(), StoreError::kUnavailable);
  EXPECT_THAT(
      world_->problem_with("is full"),
      AllOf(HasSubstr("the message store sqlite " + file() + " is full"), Not(HasSubstr("\n"))));
  ASSERT_EQ(unlink(filler.c_str()), 0);
  EXPECT_TRUE(world_->is_well()) << "nobody asked it to";
  EXPECT_EQ(world_->health().problem(), std::nullopt);
  EXPECT_EQ(index("bob", -1).front(), before);
  const std::int64_t after = talk("alice", "carol", now_ns_);
  EXPECT_THAT(index("carol", -1), ElementsAre(after));
}

// What looks whether it works again is small, and finds room where talks do not.
TEST_P(SqliteTest, ANearlyFullDiskIsOneEpisode) {
  if (!mount_disk(0, "size=1m")) GTEST_SKIP() << "mounting is not allowed";
  begin_with("sqlite://" + file());
  ASSERT_TRUE(world_->is_well());
  talk("alice", "bob", now_ns_);
  const std::string filler = (folder_.path() / "filler").string();
  const int fd = ::open(filler.c_str(), O_WRONLY | O_CREAT, 0600);
  const std::vector<char> much(4096, 'x');
  while (write(fd, much.data(), much.size()) > 0) continue;
  ASSERT_EQ(ftruncate(fd, static_cast<off_t>(std::filesystem::file_size(filler)) - 128 * 1024), 0);
  close(fd);
  const auto refused =
      world_->ask(TalkToUser{"kim", "bob", message("alice", now_ns_, std::string(300'000, 'x'))});
  ASSERT_FALSE(refused.has_value());
  expect_one_episode();
  ASSERT_EQ(unlink(filler.c_str()), 0);
  EXPECT_TRUE(world_->is_well());
}

TEST_P(SqliteTest, AReadOnlyDiskIsSaidAndIsOverByItself) {
  if (!mount_disk(MS_RDONLY, "size=1m")) GTEST_SKIP() << "mounting is not allowed";
  begin_with("sqlite://" + file());
  EXPECT_THAT(world_->problem_with("cannot be written to"), HasSubstr("Read-only file system"));
  EXPECT_EQ(world_->ask(AckMessages{"kim", "bob", 1}).error(), StoreError::kUnavailable);
  ASSERT_EQ(mount("tmpfs", folder_.path().c_str(), "tmpfs", MS_REMOUNT, "size=1m"), 0);
  EXPECT_TRUE(world_->is_well());
  talk("alice", "bob", now_ns_);
}

TEST_P(SqliteTest, AFolderThatIsNotThereIsWaitedFor) {
  const std::filesystem::path later = folder_.path() / "later";
  begin_with("sqlite://" + (later / "messages.db").string());
  EXPECT_THAT(world_->problem_with("cannot be reached"), HasSubstr("No such file or directory"));
  std::filesystem::create_directory(later);
  EXPECT_TRUE(world_->is_well());
}

TEST_P(SqliteTest, AFileThatIsRemovedIsNotWrittenToAnyLonger) {
  begin_with("sqlite://" + file());
  ASSERT_TRUE(world_->is_well());
  talk("alice", "bob", now_ns_);
  ASSERT_EQ(unlink(file().c_str()), 0);
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(file()); }));
  ASSERT_TRUE(world_->is_well());
  EXPECT_TRUE(eventually([&] { return index("bob", -1).empty(); }));
  const std::int64_t said = talk("alice", "bob", now_ns_);
  EXPECT_THAT(index("bob", -1), ElementsAre(said));
}

// Also when nobody has looked after the file since.
TEST_P(SqliteTest, ATalkIntoAFileThatWasRemovedIsNotAnswered) {
  for (const bool is_replaced : {false, true}) {
    options_.url = "sqlite://" + file();
    options_.reconnect_max_ms = 200;
    options_.probe_ms = 600'000;
    open();
    talk("alice", "bob", now_ns_);
    const std::string elsewhere = file() + ".old";
    std::filesystem::rename(file(), elsewhere);
    if (is_replaced) std::filesystem::copy(elsewhere, file());
    const auto refused = world_->ask(TalkToUser{"kim", "bob", message("alice", now_ns_ + 1)});
    ASSERT_FALSE(refused.has_value()) << is_replaced;
    EXPECT_EQ(refused.error(), StoreError::kUnavailable);
    ASSERT_TRUE(eventually([&] { return world_->is_well(); })) << "with what is there now";
    const std::int64_t said = talk("alice", "carol", now_ns_ + 2);
    EXPECT_THAT(index("carol", -1), ElementsAre(said));
    world_.reset();
    for (const std::string& name : {file(), file() + "-wal", file() + "-shm"}) {
      std::filesystem::remove(name);
    }
  }
}

TEST_P(SqliteTest, ACheckTriesWhatAWriterNeeds) {
  if (!mount_disk(0, "size=4m")) GTEST_SKIP() << "mounting is not allowed";
  const std::string url = "sqlite://" + file();
  ASSERT_TRUE(migrate_message_store(url));
  EXPECT_TRUE(check_message_store(url));
  EXPECT_FALSE(std::filesystem::exists(file() + ".check"));
  const std::string filler = (folder_.path() / "filler").string();
  const int fd = ::open(filler.c_str(), O_WRONLY | O_CREAT, 0600);
  const std::vector<char> much(4096, 'x');
  while (write(fd, much.data(), much.size()) > 0) continue;
  const auto full = check_message_store(url);
  ASSERT_FALSE(full);
  EXPECT_THAT(full.error().message, HasSubstr("No space left"));
  // To read it there is room enough.
  ASSERT_EQ(ftruncate(fd, static_cast<off_t>(std::filesystem::file_size(filler)) - 128 * 1024), 0);
  close(fd);
  const auto nearly = check_message_store(url);
  ASSERT_FALSE(nearly);
  EXPECT_THAT(nearly.error().message,
              AllOf(HasSubstr("not be written to"), HasSubstr("make room")));
  ASSERT_EQ(unlink(filler.c_str()), 0);
  ASSERT_TRUE(check_message_store(url));
  ASSERT_EQ(mount("tmpfs", folder_.path().c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, "size=4m"), 0);
  const auto read_only = check_message_store(url);
  ASSERT_FALSE(read_only);
  EXPECT_THAT(read_only.error().message, HasSubstr(file()));
}

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
  EXPECT_THAT(missing.error().message, HasSubstr("but not its folder"));
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
