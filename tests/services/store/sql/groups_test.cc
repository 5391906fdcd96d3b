// What every message store does with groups.
#include "tests/services/store/sql/stores.h"

namespace ringgate::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class GroupsTest : public StoreTest {
 protected:
  TalkToGroup::Answer say(const std::string& id, const Message& said, bool members_only = false) {
    const auto answer = world_->ask(TalkToGroup{"kim", id, said, members_only});
    EXPECT_TRUE(answer);
    return answer.value_or(TalkToGroup::Answer{});
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, GroupsTest,
                         testing::Values(StoreKind::kMemory, StoreKind::kSqlite,
                                         StoreKind::kPostgres),
                         name_of_kind);

TEST_P(GroupsTest, ADetailSaysWhatWasCreated) {
  const ChatGroup group{"g1",   std::string("the \0 band", 10), "http://a", "we play", "olga",
                        now_ns_};
  ASSERT_EQ(world_->ask(CreateGroup{"kim", group, {"bob", "alice"}}), GroupOutcome::kDone);
  const auto detail = world_->ask(ReadGroup{"kim", "g1"});
  ASSERT_TRUE(detail && detail->has_value());
  EXPECT_EQ((*detail)->group.id, "g1");
  EXPECT_EQ((*detail)->group.name, group.name);
  EXPECT_EQ((*detail)->group.avatar, "http://a");
  EXPECT_EQ((*detail)->group.introduction, "we play");
  EXPECT_EQ((*detail)->group.owner, "olga");
  EXPECT_EQ((*detail)->group.created_ns, now_ns_);
  EXPECT_THAT(members("g1"), ElementsAre("alice", "bob")) << "the owner only if listed";
  EXPECT_EQ((*detail)->members[0].joined_ns, now_ns_);
  EXPECT_THAT(members("g2"), ElementsAre("no group"));
  EXPECT_THAT(members("g1", "shop"), ElementsAre("no group"));
}

TEST_P(GroupsTest, WithoutMembersOrWithOneTwiceThereIsNone) {
  EXPECT_EQ(create("g1", {}), GroupOutcome::kNoMembers);
  EXPECT_EQ(create("g1", {"bob", "carol", "bob"}), GroupOutcome::kTwice);
  EXPECT_THAT(members("g1"), ElementsAre("no group"));
  EXPECT_EQ(world_->ask(CreateGroup{"kim", {"g1", {}, {}, {}, "olga", 1}, {"bob", "a,b"}}).error(),
            StoreError::kBadName);
}

TEST_P(GroupsTest, EveryoneJoinsAndQuitsAloneAndTheOwnerAnyone) {
  ASSERT_EQ(create("g1", {"olga", "bob"}), GroupOutcome::kDone);
  const GroupChange joined = join("g1", "carol", "carol");
  EXPECT_EQ(joined.outcome, GroupOutcome::kDone);
  EXPECT_EQ(joined.owner, "olga");
  EXPECT_THAT(joined.members, UnorderedElementsAre("olga", "bob", "carol"));
  EXPECT_EQ(join("g1", "olga", "dave").outcome, GroupOutcome::kDone);
  EXPECT_EQ(join("g1", "bob", "eve").outcome, GroupOutcome::kNotAllowed);
  EXPECT_EQ(quit("g1", "bob", "carol").outcome, GroupOutcome::kNotAllowed);
  EXPECT_THAT(members("g1"), UnorderedElementsAre("olga", "bob", "carol", "dave"));
  const GroupChange gone = quit("g1", "olga", "dave");
  EXPECT_EQ(gone.outcome, GroupOutcome::kDone);
  EXPECT_THAT(gone.members, UnorderedElementsAre("olga", "bob", "carol"));
  EXPECT_EQ(quit("g1", "bob", "bob").outcome, GroupOutcome::kDone);
  EXPECT_THAT(members("g1"), UnorderedElementsAre("olga", "carol"));
}

TEST_P(GroupsTest, ChangesThatChangeNothingSayWhy) {
  ASSERT_EQ(create("g1", {"bob"}), GroupOutcome::kDone);
  EXPECT_EQ(join("g1", "bob", "bob").outcome, GroupOutcome::kAlready);
  EXPECT_EQ(join("g1", "olga", "bob").outcome, GroupOutcome::kAlready);
  EXPECT_EQ(quit("g1", "carol", "carol").outcome, GroupOutcome::kNotMember);
  EXPECT_EQ(join("g2", "bob", "bob").outcome, GroupOutcome::kNoGroup);
  EXPECT_EQ(quit("g2", "bob", "bob").outcome, GroupOutcome::kNoGroup);
  const auto elsewhere = world_->ask(JoinGroup{"shop", "g1", "carol", "carol", now_ns_});
  EXPECT_EQ(elsewhere->outcome, GroupOutcome::kNoGroup);
  EXPECT_THAT(members("g1"), ElementsAre("bob"));
}

TEST_P(GroupsTest, ATalkIsOwnedByEveryMemberButItsSender) {
  ASSERT_EQ(create("g1", {"alice", "bob", "carol"}), GroupOutcome::kDone);
  const Message said = message("alice", now_ns_, "all of you");
  const auto answer = say("g1", said);
  EXPECT_TRUE(answer.exists && answer.belongs);
  EXPECT_THAT(answer.members, UnorderedElementsAre("alice", "bob", "carol"));
  EXPECT_THAT(index("alice", -1), IsEmpty());
  EXPECT_THAT(index("bob", -1), ElementsAre(said.id));
  const auto entries = world_->ask(ReadMessageIndex{"kim", "carol", -1, now_ns_});
  ASSERT_EQ(entries->size(), 1u);
  EXPECT_EQ((*entries)[0].group_id, "g1");
  EXPECT_EQ((*entries)[0].sender, "alice");
  EXPECT_THAT(bodies("carol", {said.id}), ElementsAre("all of you"));
  EXPECT_THAT(bodies("alice", {said.id}), ElementsAre("all of you"));
  EXPECT_THAT(bodies("dave", {said.id}), ElementsAre("-"));
}

TEST_P(GroupsTest, WhoQuitsKeepsWhatWasSaidBefore) {
  ASSERT_EQ(create("g1", {"alice", "bob"}), GroupOutcome::kDone);
  const Message before = message("alice", now_ns_);
  say("g1", before);
  ASSERT_EQ(quit("g1", "bob", "bob").outcome, GroupOutcome::kDone);
  say("g1", message("alice", now_ns_ + 1));
  ASSERT_EQ(join("g1", "bob", "bob").outcome, GroupOutcome::kDone);
  EXPECT_THAT(index("bob", -1), ElementsAre(before.id));
}

TEST_P(GroupsTest, SomebodyElseMayTalkUnlessMembersOnly) {
  ASSERT_EQ(create("g1", {"bob"}), GroupOutcome::kDone);
  const Message said = message("eve", now_ns_);
  const auto anyone = say("g1", said);
  EXPECT_TRUE(anyone.exists);
  EXPECT_FALSE(anyone.belongs);
  EXPECT_THAT(index("bob", -1), ElementsAre(said.id));
  const Message refused = message("eve", now_ns_ + 1);
  const auto only = say("g1", refused, true);
  EXPECT_TRUE(only.exists);
  EXPECT_FALSE(only.belongs);
  EXPECT_THAT(index("bob", -1), ElementsAre(said.id));
  EXPECT_THAT(bodies("eve", {refused.id}), ElementsAre("-")) << "it was not even stored";
  const Message own = message("bob", now_ns_ + 2);
  EXPECT_TRUE(say("g1", own, true).belongs);
  const Message of_the_owner = message("olga", now_ns_ + 3);
  EXPECT_TRUE(say("g1", of_the_owner, true).belongs) << "although no member";
  EXPECT_THAT(index("bob", -1), ElementsAre(said.id, of_the_owner.id));
  EXPECT_THAT(bodies("bob", {own.id}), ElementsAre("hi"));
}

TEST_P(GroupsTest, ToAnUnknownGroupNothingIsStored) {
  const Message said = message("alice", now_ns_);
  const auto answer = say("g9", said);
  EXPECT_FALSE(answer.exists);
  EXPECT_THAT(answer.members, IsEmpty());
  EXPECT_THAT(bodies("alice", {said.id}), ElementsAre("-"));
}

TEST_P(GroupsTest, OfTenThousandAndNotOneMore) {
  std::vector<std::string> all;
  for (int i = 0; i < 10'000; ++i) all.push_back("member" + std::to_string(i));
  ASSERT_EQ(create("g1", all), GroupOutcome::kDone);
  EXPECT_EQ(join("g1", "carol", "carol").outcome, GroupOutcome::kFull);
  const Message said = message("member0", now_ns_);
  EXPECT_EQ(say("g1", said).members.size(), 10'000u);
  EXPECT_THAT(index("member9999", -1), ElementsAre(said.id));
  ASSERT_EQ(quit("g1", "member1", "member1").outcome, GroupOutcome::kDone);
  EXPECT_EQ(join("g1", "carol", "carol").outcome, GroupOutcome::kDone);
  all.push_back("one too many");
  EXPECT_EQ(create("g2", all), GroupOutcome::kFull);
}

}  // namespace
}  // namespace ringgate::test
