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

#include "tests/services/store/sql/sqlite_fixture.h"

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
using testing::Not;

INSTANTIATE_TEST_SUITE_P(Stores, SqliteTest, testing::Values(StoreKind::kSqlite), name_of_kind);

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

// Who starts does not know that it was full, and a row finds room.
TEST_P(SqliteTest, ANearlyFullDiskIsSeenFromTheStart) {
  if (!mount_disk(0, "size=1m")) GTEST_SKIP() << "mounting is not allowed";
  begin_with("sqlite://" + file());
  ASSERT_TRUE(world_->is_well());
  world_.reset();
  const std::string filler = (folder_.path() / "filler").string();
  const int fd = ::open(filler.c_str(), O_WRONLY | O_CREAT, 0600);
  const std::vector<char> much(4096, 'x');
  while (write(fd, much.data(), much.size()) > 0) continue;
  ASSERT_EQ(ftruncate(fd, static_cast<off_t>(std::filesystem::file_size(filler)) - 128 * 1024), 0);
  close(fd);
  begin_with("sqlite://" + file());
  EXPECT_THAT(world_->problem_with("is full"), HasSubstr("No space left"));
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

}  // namespace
}  // namespace ringgate::test
