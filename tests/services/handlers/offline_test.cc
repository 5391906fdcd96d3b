// What an account has missed, by the rules that existing clients rely on.
#include "services/store/message_ids.h"
#include "tests/services/handlers/chat_world.h"

namespace ringgate::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class OfflineTest : public ChatWorld {};
INSTANTIATE_TEST_SUITE_P(Stores, OfflineTest,
                         testing::Values(StoreKind::kMemory, StoreKind::kSqlite,
                                         StoreKind::kPostgres),
                         name_of_kind);

TEST_P(OfflineTest, AnEntrySaysWhoSaidItWhenAndWhere) {
  const TestClient alice = log_in("alice");
  const std::string group = create(alice, {"bob"});
  const auto said = talk(alice, "bob", "hello");
  const auto to_all = say(alice, "chat.group.talk", group, "hello all");
  const TestClient bob = log_in_elsewhere("bob");
  const auto entries = index(bob, 0);
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].message_id(), said.messageid());
  EXPECT_EQ(entries[0].send_time(), said.sendtime());
  EXPECT_EQ(entries[0].accountb(), "alice");
  EXPECT_EQ(entries[0].direction(), 0);
  EXPECT_EQ(entries[0].group(), "");
  EXPECT_EQ(entries[1].message_id(), to_all.messageid());
  EXPECT_EQ(entries[1].group(), group);
  EXPECT_THAT(index_ids(alice, -1), IsEmpty()) << "of what others have said to her";
}

TEST_P(OfflineTest, CursorsAreZeroKnownUnknownAndNegative) {
  const TestClient alice = log_in("alice");
  const auto first = talk(alice, "bob", "1");
  const auto second = talk(alice, "bob", "2");
  const TestClient bob = log_in_elsewhere("bob");
  EXPECT_THAT(index_ids(bob, 0), ElementsAre(first.messageid(), second.messageid()));
  EXPECT_THAT(index_ids(bob, first.messageid()), ElementsAre(second.messageid()));
  EXPECT_THAT(index_ids(bob, 0), ElementsAre(second.messageid())) << "it was acked by that";
  EXPECT_THAT(index_ids(bob, second.messageid()), IsEmpty());
  EXPECT_THAT(index_ids(bob, 4711), ElementsAre(first.messageid(), second.messageid()))
      << "an unknown one is a day ago";
  EXPECT_THAT(index_ids(bob, -1), ElementsAre(first.messageid(), second.messageid()));
}

// As mobile SDKs write -1.
TEST_P(OfflineTest, ANegativeCursorHasTenBytes) {
  const TestClient alice = log_in("alice");
  const auto said = talk(alice, "alice", "1");
  alice.ask("chat.offline.index", ++sequence_, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
  const auto answer = answered<pkt::MessageIndexResp>(alice);
  ASSERT_EQ(answer.indexes_size(), 1);
  EXPECT_EQ(answer.indexes(0).message_id(), said.messageid());
}

TEST_P(OfflineTest, ContentsAreInTheOrderAskedWithAnEmptyOneForEachThatIsNotOnesOwn) {
  const TestClient alice = log_in("alice");
  const auto first = talk(alice, "bob", "1");
  const auto second = talk(alice, "bob", "2");
  const auto foreign = talk(alice, "carol", "3");
  const TestClient bob = log_in_elsewhere("bob");
  const auto found = contents(
      bob, {second.messageid(), 4711, first.messageid(), foreign.messageid(), first.messageid()});
  std::vector<std::string> bodies;
  for (const pkt::MessageContent& content : found) bodies.push_back(content.body());
  EXPECT_THAT(bodies, ElementsAre("2", "", "1", "", "1"));
  EXPECT_EQ(found[0].messageid(), second.messageid());
  EXPECT_EQ(found[0].type(), 1);
  EXPECT_EQ(found[0].extra(), "extra");
  EXPECT_EQ(found[1].ByteSizeLong(), 0u);
  EXPECT_EQ(found[3].ByteSizeLong(), 0u);
}

TEST_P(OfflineTest, OneToTwoHundredContentsAreAskedForAtATime) {
  const TestClient alice = log_in("alice");
  const auto said = talk(alice, "alice", "1");
  pkt::MessageContentReq asked;
  ask(alice, "chat.offline.content", asked, pkt::Status::InvalidPacketBody);
  for (int i = 0; i < 200; ++i) asked.add_message_ids(said.messageid());
  EXPECT_EQ(ask<pkt::MessageContentResp>(alice, "chat.offline.content", asked).contents_size(),
            200);
  // Not packed, as older clients write them.
  std::string unpacked;
  for (int i = 0; i < 200; ++i) unpacked += "\x08\x05";
  alice.ask("chat.offline.content", ++sequence_, unpacked);
  EXPECT_EQ(answered<pkt::MessageContentResp>(alice).contents_size(), 200);
  asked.add_message_ids(said.messageid());
  ask(alice, "chat.offline.content", asked, pkt::Status::SystemException);
}

class BoundedContentTest : public ChatWorld {
 protected:
  void SetUp() override {
    chat_.max_content_bytes = 1'000;
    start();
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, BoundedContentTest,
                         testing::Values(StoreKind::kSqlite, StoreKind::kPostgres), name_of_kind);

// By asking again for what is missing, everything is read.
TEST_P(BoundedContentTest, AnAnswerHasTheFirstOnesThatFitAndOneAtLeast) {
  const TestClient alice = log_in("alice");
  std::vector<std::int64_t> ids;
  std::vector<std::string> said;
  for (const std::size_t bytes : {10U, 600U, 10U, 385U, 10U, 5'000U, 10U}) {
    said.emplace_back(bytes, 'x');
    ids.push_back(talk(alice, "alice", said.back()).messageid());
  }
  std::vector<std::size_t> counts;
  std::vector<std::string> read;
  while (read.size() < ids.size()) {
    const auto from = static_cast<std::ptrdiff_t>(read.size());
    const auto found = contents(alice, {ids.begin() + from, ids.end()});
    ASSERT_FALSE(found.empty());
    counts.push_back(found.size());
    for (const pkt::MessageContent& content : found) {
      EXPECT_EQ(content.messageid(), ids[read.size()]);
      EXPECT_EQ(content.extra(), "extra");
      read.push_back(content.body());
    }
  }
  EXPECT_EQ(read, said);
  EXPECT_THAT(counts, ElementsAre(3, 2, 1, 1));
}

// Whoever has been away for long reads it page by page, each page acking the one before.
TEST_P(OfflineTest, TenThousandMessagesArePaged) {
  constexpr int kMessages = 10'000;
  constexpr int kAtOnce = 50;
  std::vector<TestClient> speakers;
  for (int i = 0; i < kAtOnce; ++i) speakers.push_back(log_in("alice" + std::to_string(i)));
  std::vector<std::int64_t> said;
  for (int i = 0; i < kMessages; i += kAtOnce) {
    for (int j = 0; j < kAtOnce; ++j) {
      speakers[static_cast<std::size_t>(j)].talk(1, "bob", std::to_string(i + j));
    }
    for (int j = 0; j < kAtOnce; ++j) {
      const ReceivedPacket answer = gateway_->receive();
      ASSERT_EQ(answer.header.status(), pkt::Status::Success);
      said.push_back(answer.parse<pkt::MessageResp>().messageid());
    }
  }
  const TestClient bob = log_in_elsewhere("bob");
  std::vector<std::int64_t> read;
  std::vector<std::int64_t> page = index_ids(bob, 0);
  while (!page.empty() && read.size() <= said.size()) {
    EXPECT_EQ(page.size(), ReadMessageIndex::kMost);
    read.insert(read.end(), page.begin(), page.end());
    page = index_ids(bob, read.back());
  }
  EXPECT_EQ(read, said);
  EXPECT_THAT(index_ids(bob, 0), IsEmpty());
  const std::vector<std::int64_t> last(said.end() - 200, said.end());
  const auto found = contents(bob, last);
  ASSERT_EQ(found.size(), 200u);
  EXPECT_EQ(found.back().body(), std::to_string(kMessages - 1));
}

}  // namespace
}  // namespace ringgate::test
