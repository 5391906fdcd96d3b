// Chat over stores that do not work: 300 until they do, and nothing half done.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/services/handlers/chat_world.h"

namespace ringgate::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ChatFaultsTest : public ChatWorld {
 protected:
  void SetUp() override { store_timeout_ms_ = 2'000; }
  void TearDown() override {
    service_.reset();
    umount(folder_.path().c_str());
  }
  // A disk of its own for this process; gone with it.
  [[nodiscard]] bool mount_disk() {
    return unshare(CLONE_NEWNS) == 0 && mount("", "/", "", MS_REC | MS_PRIVATE, nullptr) == 0 &&
           mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=1m") == 0;
  }
  // Of a talk to bob that needs room.
  int try_to_talk(const TestClient& client) {
    client.talk(++sequence_, "bob", std::string(9'000, 'x'));
    const ReceivedPacket answer = client.gateway.receive();
    if (answer.header.status() == pkt::Status::Success) {
      said_.push_back(answer.parse<pkt::MessageResp>().messageid());
    }
    return answer.header.status();
  }
  void expect_that_bob_finds_what_was_answered() {
    const TestClient bob = log_in_elsewhere("bob");
    EXPECT_EQ(index_ids(bob, 0), said_);
  }

  std::vector<std::int64_t> said_;  // with success
};
INSTANTIATE_TEST_SUITE_P(Stores, ChatFaultsTest, testing::Values(StoreKind::kSqlite), name_of_kind);

TEST_P(ChatFaultsTest, OnAFullDiskTalksAre300UntilThereIsRoom) {
  if (!mount_disk()) GTEST_SKIP() << "mounting is not allowed";
  start();
  const TestClient alice = log_in("alice");
  EXPECT_EQ(try_to_talk(alice), pkt::Status::Success);
  const std::string filler = (folder_.path() / "filler").string();
  const int fd = ::open(filler.c_str(), O_WRONLY | O_CREAT, 0600);
  const std::vector<char> much(4096, 'x');
  while (write(fd, much.data(), much.size()) > 0) continue;
  close(fd);
  EXPECT_TRUE(eventually([&] { return try_to_talk(alice) == pkt::Status::SystemException; }));
  EXPECT_THAT(service_->messages().health().problem().value_or(""), HasSubstr("is full"));
  ASSERT_EQ(unlink(filler.c_str()), 0);
  EXPECT_TRUE(eventually([&] { return try_to_talk(alice) == pkt::Status::Success; }));
  expect_that_bob_finds_what_was_answered();
}

TEST_P(ChatFaultsTest, OnAReadOnlyDiskTalksAre300UntilItIsWritable) {
  if (!mount_disk()) GTEST_SKIP() << "mounting is not allowed";
  start();
  const TestClient alice = log_in("alice");
  EXPECT_EQ(try_to_talk(alice), pkt::Status::Success);
  gateway_.reset();
  other_.reset();
  service_.reset();
  ASSERT_EQ(mount("tmpfs", folder_.path().c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, "size=1m"), 0);
  begin();
  const TestClient again = log_in("alice");
  EXPECT_EQ(try_to_talk(again), pkt::Status::SystemException);
  ASSERT_EQ(mount("tmpfs", folder_.path().c_str(), "tmpfs", MS_REMOUNT, "size=1m"), 0);
  EXPECT_TRUE(eventually([&] { return try_to_talk(again) == pkt::Status::Success; }));
  expect_that_bob_finds_what_was_answered();
}

class PostgresFaultsTest : public ChatFaultsTest {};
INSTANTIATE_TEST_SUITE_P(Stores, PostgresFaultsTest, testing::Values(StoreKind::kPostgres),
                         name_of_kind);

TEST_P(PostgresFaultsTest, WithoutAServerEveryCommandIs300UntilItIsBack) {
  start();
  const TestClient alice = log_in("alice");
  const std::string group = create(alice, {"bob"});
  EXPECT_EQ(try_to_talk(alice), pkt::Status::Success);
  postgres().stop();
  EXPECT_TRUE(eventually([&] { return try_to_talk(alice) == pkt::Status::SystemException; }));
  constexpr int kFails = pkt::Status::SystemException;
  say(alice, "chat.group.talk", group, "hello", kFails);
  pkt::MessageAckReq ack;
  ack.set_messageid(1);
  ask(alice, "chat.talk.ack", ack, kFails);
  ask(alice, "chat.offline.index", pkt::MessageIndexReq(), kFails);
  pkt::MessageContentReq content;
  content.add_message_ids(1);
  ask(alice, "chat.offline.content", content, kFails);
  pkt::GroupCreateReq creation;
  creation.add_members("bob");
  ask(alice, "chat.group.create", creation, kFails);
  join(alice, group, "carol", kFails);
  quit(alice, group, "bob", kFails);
  get(alice, "chat.group.members", group, kFails);
  get(alice, "chat.group.detail", group, kFails);
  postgres().start();
  EXPECT_TRUE(eventually([&] { return try_to_talk(alice) == pkt::Status::Success; }));
  EXPECT_THAT(members(alice, group), ElementsAre("bob"));
  expect_that_bob_finds_what_was_answered();
}

}  // namespace
}  // namespace ringgate::test
