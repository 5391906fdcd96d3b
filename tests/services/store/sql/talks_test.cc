// What every message store does with talks, acks and what was missed.
#include "tests/services/store/sql/stores.h"

namespace ringgate::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class MessagesTest : public StoreTest {};
INSTANTIATE_TEST_SUITE_P(Stores, MessagesTest,
                         testing::Values(StoreKind::kMemory, StoreKind::kSqlite,
                                         StoreKind::kPostgres),
                         name_of_kind);

TEST_P(MessagesTest, ATalkIsInTheIndexOfItsReceiverAlone) {
  const Message said = message("alice", now_ns_, "hello");
  ASSERT_TRUE(world_->ask(TalkToUser{"kim", "bob", said}));
  const auto entries = world_->ask(ReadMessageIndex{"kim", "bob", 0, now_ns_});
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 1u);
  EXPECT_EQ((*entries)[0].message_id, said.id);
  EXPECT_EQ((*entries)[0].send_time_ns, now_ns_);
  EXPECT_EQ((*entries)[0].sender, "alice");
  EXPECT_EQ((*entries)[0].group_id, "");
  EXPECT_THAT(index("alice", 0), IsEmpty());
  const auto found = world_->ask(ReadMessages{"kim", "bob", {said.id}});
  ASSERT_TRUE(found);
  EXPECT_EQ((*found)[0]->type, 1);
  EXPECT_EQ((*found)[0]->body, "hello");
  EXPECT_EQ((*found)[0]->extra, "extra");
}

TEST_P(MessagesTest, EveryByteOfABodyIsKept) {
  Message said = message("älice", now_ns_, std::string("zero \0 and \xff, ", 14) + "😀'\"\\");
  said.content.extra.clear();
  said.content.type = -7;
  ASSERT_TRUE(world_->ask(TalkToUser{"kim", "bob'; --", said}));
  const auto found = world_->ask(ReadMessages{"kim", "bob'; --", {said.id}});
  ASSERT_TRUE(found);
  EXPECT_EQ((*found)[0]->body, said.content.body);
  EXPECT_EQ((*found)[0]->extra, "");
  EXPECT_EQ((*found)[0]->type, -7);
}

TEST_P(MessagesTest, WhatIsLongerThanWantedIsNotRead) {
  const Message said = message("alice", now_ns_, std::string(1'000, 'x'));
  const Message brief = message("alice", now_ns_, "hi");
  ASSERT_TRUE(world_->ask(TalkToUser{"kim", "bob", said}));
  ASSERT_TRUE(world_->ask(TalkToUser{"kim", "bob", brief}));
  const auto found = world_->ask(ReadMessages{"kim", "bob", {said.id, 4711, brief.id}, 1'004});
  ASSERT_TRUE(found);
  ASSERT_TRUE((*found)[0] && !(*found)[1] && (*found)[2]);
  EXPECT_EQ((*found)[0]->left_out, 1'005);
  EXPECT_EQ((*found)[0]->body, "");
  EXPECT_EQ((*found)[0]->extra, "");
  EXPECT_EQ((*found)[2]->left_out, 0);
  EXPECT_EQ((*found)[2]->body, "hi");
  const auto all = world_->ask(ReadMessages{"kim", "bob", {said.id}, 1'005});
  ASSERT_TRUE(all);
  EXPECT_EQ((*all)[0]->body, said.content.body);
}

TEST_P(MessagesTest, TheIndexAscendsFromAfterTheMessage) {
  const std::int64_t first = talk("carol", "bob", now_ns_ - 3 * kSecondNs);
  const std::int64_t second = talk("alice", "bob", now_ns_ - 2 * kSecondNs);
  const std::int64_t third = talk("alice", "bob", now_ns_ - 1 * kSecondNs);
  EXPECT_THAT(index("bob", -1), ElementsAre(first, second, third));
  EXPECT_THAT(index("bob", first), ElementsAre(second, third));
  EXPECT_THAT(index("bob", third), IsEmpty());
}

// Received before, stored after: who has read up to the other would never hear of it.
TEST_P(MessagesTest, WhatIsStoredLaterHasALaterTime) {
  const std::int64_t read = talk("alice", "bob", now_ns_ - 1 * kSecondNs);
  EXPECT_THAT(index("bob", -1), ElementsAre(read));
  const Message late = message("carol", now_ns_ - 3 * kSecondNs);
  const auto stored = world_->ask(TalkToUser{"kim", "bob", late});
  ASSERT_TRUE(stored);
  EXPECT_GT(stored->send_time_ns, now_ns_ - 1 * kSecondNs);
  EXPECT_LT(stored->send_time_ns, now_ns_);
  EXPECT_THAT(index("bob", read), ElementsAre(late.id));
  ASSERT_EQ(create("g1", {"bob", "dave"}), GroupOutcome::kDone);
  const Message later = message("dave", now_ns_ - 3 * kSecondNs);
  const auto to_group = world_->ask(TalkToGroup{"kim", "g1", later, true});
  ASSERT_TRUE(to_group);
  EXPECT_GT(to_group->send_time_ns, stored->send_time_ns);
  EXPECT_THAT(index("bob", late.id), ElementsAre(later.id));
}

// Two processes on one database, as many chats have it, and somebody who pages meanwhile.
TEST_P(MessagesTest, PagesThatAreReadWhileOthersTalkLeaveNothingOut) {
  constexpr std::size_t kTalks = 2'000;
  std::unique_ptr<MessagesWorld> other;
  if (GetParam() == StoreKind::kPostgres) {
    other = std::make_unique<MessagesWorld>(options_);
    ASSERT_TRUE(other->is_well());
  }
  std::vector<std::int64_t> said;
  std::vector<std::future<StoreResult<TalkToUser::Answer>>> answers;
  std::vector<std::int64_t> read;
  std::int64_t after = -1;
  const auto page = [&] {
    const std::vector<std::int64_t> ids = index("bob", after);
    read.insert(read.end(), ids.begin(), ids.end());
    if (!ids.empty()) after = ids.back();
    return !ids.empty();
  };
  for (std::size_t i = 0; i < kTalks; ++i) {
    // As on two shards: received in one order, asked in another.
    const std::int64_t received_ns = wall_clock_ns() - static_cast<std::int64_t>(i % 7) * 300'000;
    const Message one = message("alice", received_ns);
    said.push_back(one.id);
    MessagesWorld& asked = other != nullptr && i % 2 == 1 ? *other : *world_;
    answers.push_back(asked.begin(TalkToUser{"kim", "bob", one}));
    if (i % 16 == 0) page();
  }
  for (auto& answer : answers) ASSERT_TRUE(answer.get());
  while (page()) {
  }
  std::ranges::sort(said);
  std::ranges::sort(read);
  EXPECT_EQ(read, said);
}

// Pages end anywhere: nothing between two pages is lost.
TEST_P(MessagesTest, OfEqualTimesNoneIsLost) {
  const std::int64_t first = talk("alice", "bob", now_ns_);
  const std::int64_t second = talk("alice", "bob", now_ns_);
  EXPECT_THAT(index("bob", first), ElementsAre(second));
}

TEST_P(MessagesTest, ZeroIsAfterTheLastAck) {
  const std::int64_t first = talk("alice", "bob", now_ns_ - 3 * kDayNs);
  const std::int64_t second = talk("alice", "bob", now_ns_ - 2 * kDayNs);
  const std::int64_t third = talk("alice", "bob", now_ns_ - kSecondNs);
  EXPECT_THAT(index("bob", 0), ElementsAre(first, second, third)) << "nothing was acked";
  ack("bob", second);
  EXPECT_THAT(index("bob", 0), ElementsAre(third));
  ack("bob", 0);
  EXPECT_THAT(index("bob", 0), ElementsAre(third)) << "0 acks nothing";
  ack("bob", first);
  EXPECT_THAT(index("bob", 0), ElementsAre(second, third)) << "the last ack decides";
  ack("bob", 4711);
  EXPECT_THAT(index("bob", 0), ElementsAre(third)) << "of an unknown message: a day";
  ack("bob", -1);
  EXPECT_THAT(index("bob", 0), ElementsAre(first, second, third));
  EXPECT_THAT(index("carol", 0), IsEmpty());
}

TEST_P(MessagesTest, AMessageThatIsAskedAfterIsAcked) {
  const std::int64_t first = talk("alice", "bob", now_ns_ - 3 * kSecondNs);
  const std::int64_t second = talk("alice", "bob", now_ns_ - 2 * kSecondNs);
  EXPECT_THAT(index("bob", first), ElementsAre(second));
  EXPECT_THAT(index("bob", 0), ElementsAre(second));
}

TEST_P(MessagesTest, AnUnknownMessageStandsForTheLastDay) {
  talk("alice", "bob", now_ns_ - 2 * kDayNs);
  const std::int64_t today = talk("alice", "bob", now_ns_ - kDayNs / 2);
  EXPECT_THAT(index("bob", 4711), ElementsAre(today));
  const std::int64_t elsewhere = talk("x", "y", now_ns_ - 3 * kDayNs, "shop");
  EXPECT_THAT(index("bob", elsewhere), ElementsAre(today)) << "another app's is unknown";
}

TEST_P(MessagesTest, TheIndexGoesBackSoManyDays) {
  const std::int64_t old = talk("alice", "bob", now_ns_ - 16 * kDayNs);
  const std::int64_t young = talk("alice", "bob", now_ns_ - 14 * kDayNs);
  EXPECT_THAT(index("bob", -1), ElementsAre(young));
  EXPECT_THAT(index("bob", old), ElementsAre(young));
  ack("bob", old);
  EXPECT_THAT(index("bob", 0), ElementsAre(young));
  options_.offline_days = std::chrono::days(20);
  if (GetParam() == StoreKind::kMemory) return;
  open();
  EXPECT_THAT(index("bob", -1), ElementsAre(old, young));
}

TEST_P(MessagesTest, TheIndexComesInPages) {
  constexpr std::size_t kAll = 4'500;
  std::vector<std::int64_t> ids;
  std::vector<std::future<StoreResult<TalkToUser::Answer>>> said;
  for (std::size_t i = 0; i < kAll; ++i) {
    const Message one = message("alice", now_ns_ + static_cast<std::int64_t>(i / 3) * 1'000'000);
    ids.push_back(one.id);
    said.push_back(world_->begin(TalkToUser{"kim", "bob", one}));
  }
  for (auto& one : said) ASSERT_TRUE(one.get());
  std::vector<std::int64_t> read;
  std::vector<std::size_t> pages;
  for (std::int64_t after = -1;;) {
    const std::vector<std::int64_t> page = index("bob", after);
    if (page.empty()) break;
    pages.push_back(page.size());
    read.insert(read.end(), page.begin(), page.end());
    after = page.back();
  }
  EXPECT_EQ(read, ids);
  EXPECT_THAT(pages, ElementsAre(2'000u, 2'000u, 500u));
}

TEST_P(MessagesTest, ContentIsInTheOrderAskedAndOnlyForItsOwners) {
  const Message first = message("alice", now_ns_, "first");
  const Message second = message("alice", now_ns_ + 1, "second");
  const Message others = message("alice", now_ns_ + 2, "not for bob");
  ASSERT_TRUE(world_->ask(TalkToUser{"kim", "bob", first}));
  ASSERT_TRUE(world_->ask(TalkToUser{"kim", "bob", second}));
  ASSERT_TRUE(world_->ask(TalkToUser{"kim", "carol", others}));
  EXPECT_THAT(bodies("bob", {second.id, 4711, others.id, first.id, second.id}),
              ElementsAre("second", "-", "-", "first", "second"));
  EXPECT_THAT(bodies("alice", {first.id, others.id}), ElementsAre("first", "not for bob"))
      << "who has said it";
  EXPECT_THAT(bodies("bob", std::vector<std::int64_t>(200, first.id)),
              testing::AllOf(testing::SizeIs(200), testing::Each("first")));
  EXPECT_THAT(bodies("bob", {}), IsEmpty());
}

TEST_P(MessagesTest, AppsNeverMeet) {
  const std::int64_t here = talk("alice", "bob", now_ns_);
  const std::int64_t there = talk("alice", "bob", now_ns_, "shop");
  const std::int64_t nowhere = talk("alice", "bob", now_ns_, "");
  EXPECT_THAT(index("bob", -1), ElementsAre(here));
  EXPECT_THAT(index("bob", -1, "shop"), ElementsAre(there));
  EXPECT_THAT(index("bob", -1, ""), ElementsAre(nowhere));
  EXPECT_THAT(bodies("bob", {here, there, nowhere}), ElementsAre("hi", "-", "-"));
  EXPECT_THAT(bodies("alice", {there}), ElementsAre("-"));
  ack("bob", there, "shop");
  EXPECT_THAT(index("bob", 0), ElementsAre(here));
  EXPECT_THAT(index("bob", 0, "shop"), IsEmpty());
}

TEST_P(MessagesTest, NamesThatMayBeNoPartOfAKeyAreRefused) {
  for (const std::string& name : {std::string("a,b"), std::string("a\nb"), std::string("\xff"),
                                  std::string(), std::string(200, 'a')}) {
    const auto talked = world_->ask(TalkToUser{"kim", name, message("alice", now_ns_)});
    EXPECT_EQ(talked.error(), StoreError::kBadName);
    EXPECT_EQ(world_->ask(AckMessages{"kim", name, 1}).error(), StoreError::kBadName);
    EXPECT_EQ(world_->ask(ReadGroup{"kim", name}).error(), StoreError::kBadName);
    if (!name.empty()) {
      EXPECT_EQ(world_->ask(AckMessages{name, "bob", 1}).error(), StoreError::kBadName);
    }
  }
}

// They are done together; what fails for one reason of its own fails alone.
TEST_P(MessagesTest, AnIdThatIsTakenFailsAlone) {
  const Message said = message("alice", now_ns_, "said");
  ASSERT_TRUE(world_->ask(TalkToUser{"kim", "bob", said}));
  Message again = said;
  again.content.body = "said again";
  std::vector<std::future<StoreResult<TalkToUser::Answer>>> others;
  for (int i = 0; i < 20; ++i) {
    others.push_back(world_->begin(TalkToUser{"kim", "carol", message("alice", now_ns_)}));
  }
  auto twice = world_->begin(TalkToUser{"kim", "carol", again});
  for (int i = 0; i < 20; ++i) {
    others.push_back(world_->begin(TalkToUser{"kim", "carol", message("alice", now_ns_)}));
  }
  EXPECT_EQ(twice.get().error(), StoreError::kUnavailable);
  for (auto& one : others) EXPECT_TRUE(one.get());
  EXPECT_EQ(index("carol", -1).size(), 40u);
  EXPECT_THAT(bodies("bob", {said.id}), ElementsAre("said"));
  EXPECT_TRUE(world_->health().is_well());
}

TEST_P(MessagesTest, WhatWasSaidIsThereAfterARestart) {
  if (GetParam() == StoreKind::kMemory) GTEST_SKIP() << "memory is gone";
  const std::int64_t said = talk("alice", "bob", now_ns_);
  ASSERT_EQ(create("g1", {"bob"}), GroupOutcome::kDone);
  open();
  EXPECT_THAT(index("bob", 0), ElementsAre(said));
  EXPECT_THAT(members("g1"), ElementsAre("bob"));
}

TEST_P(MessagesTest, WhatIsTooOldIsDeleted) {
  std::vector<std::int64_t> old;
  for (int i = 0; i < 450; ++i) {  // more than are deleted at a time
    old.push_back(talk("alice", i % 3 == 0 ? "bob" : "carol", now_ns_ - 40 * kDayNs + i));
  }
  const std::int64_t young = talk("alice", "bob", now_ns_ - 20 * kDayNs);
  EXPECT_EQ(bodies("alice", {old.front()}).front(), "hi");
  if (GetParam() == StoreKind::kMemory) return;  // it had begun with other options
  options_.message_days = std::chrono::days(30);
  options_.offline_days = std::chrono::days(60);
  open();
  EXPECT_TRUE(eventually([&] {
    return index("carol", -1).empty() && index("bob", -1).size() == 1 &&
           bodies("alice", {old.back()}).front() == "-";
  }));
  EXPECT_THAT(index("bob", -1), ElementsAre(young));
  EXPECT_THAT(bodies("bob", {young, old.front()}), ElementsAre("hi", "-"));
}

}  // namespace
}  // namespace ringgate::test
