// ListenerSet on a socket in the file system.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>
#include <utility>

#include "dataplane/listener.h"
#include "tests/common/temp_dir.h"

namespace ringgate {
namespace {

class UnixListener : public testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return (folder_.path() / "g.sock").string(); }
  [[nodiscard]] bool is_there() const {
    struct stat found{};
    return lstat(path().c_str(), &found) == 0;
  }
  [[nodiscard]] int connect_to() const {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, path().data(), path().size());
    if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) return fd;
    close(fd);
    return -1;
  }
  [[nodiscard]] bool can_connect() const {
    const int fd = connect_to();
    if (fd >= 0) close(fd);
    return fd >= 0;
  }

  test::TempDir folder_;
};

TEST_F(UnixListener, IsOneQueueForAllShardsAndItsFileGoesWithIt) {
  {
    Result<ListenerSet> set = ListenerSet::open_unix(path(), 2, false);
    ASSERT_TRUE(set) << set.error().message;
    EXPECT_EQ(set->printed(), "unix:" + path());
    EXPECT_EQ(set->port(), 0);
    for (std::uint32_t shard = 0; shard < 2; ++shard) {
      const int client = connect_to();
      const int accepted = accept4(set->fd(shard), nullptr, nullptr, SOCK_CLOEXEC);
      EXPECT_GE(accepted, 0);
      close(accepted);
      close(client);
    }
    set->leave_one(0);  // full: the others still take from the queue
    EXPECT_GE(set->fd(0), 0);
    EXPECT_TRUE(set->reopen_one(0));
    set->close_one(0);
    EXPECT_TRUE(can_connect());
    set->close_one(1);
    EXPECT_FALSE(can_connect());
  }
  EXPECT_FALSE(is_there());
}

TEST_F(UnixListener, ADeadOnesFileIsReplacedAndALivingOnesIsNot) {
  Result<ListenerSet> first = ListenerSet::open_unix(path(), 1, false);
  ASSERT_TRUE(first);
  const Result<ListenerSet> second = ListenerSet::open_unix(path(), 1, false);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("another process listens there"), std::string::npos);
  first->close_one(0);
  EXPECT_TRUE(ListenerSet::open_unix(path(), 1, false));
}

TEST_F(UnixListener, ATakeoverKeepsTheNewFile) {
  Result<ListenerSet> old = ListenerSet::open_unix(path(), 1, false);
  ASSERT_TRUE(old);
  Result<ListenerSet> fresh = ListenerSet::open_unix(path(), 1, true);
  ASSERT_TRUE(fresh) << fresh.error().message;
  *old = ListenerSet();
  EXPECT_TRUE(can_connect());
}

TEST_F(UnixListener, OneThatIsGivenKeepsItsFileWhenTheOldOneEnds) {
  Result<ListenerSet> old = ListenerSet::open_unix(path(), 2, false);
  ASSERT_TRUE(old);
  {
    Result<ListenerSet> fresh = ListenerSet::adopt_unix(path(), 3, old->copies());
    ASSERT_TRUE(fresh) << fresh.error().message;
    old->leave_file();
    *old = ListenerSet();
    fresh->now_ours();
    EXPECT_TRUE(can_connect());
  }
  EXPECT_FALSE(is_there());
}

TEST_F(UnixListener, WhatIsNoSocketIsLeftAlone) {
  std::ofstream(path()) << "precious";
  const Result<ListenerSet> set = ListenerSet::open_unix(path(), 1, true);
  ASSERT_FALSE(set);
  EXPECT_NE(set.error().message.find("no socket"), std::string::npos);
  EXPECT_TRUE(is_there());
}

TEST_F(UnixListener, AFolderThatIsMissingIsNamed) {
  const Result<ListenerSet> set = ListenerSet::open_unix("/no/such/folder/g.sock", 1, false);
  ASSERT_FALSE(set);
  EXPECT_NE(set.error().message.find("unix:/no/such/folder/g.sock"), std::string::npos);
}

}  // namespace
}  // namespace ringgate
