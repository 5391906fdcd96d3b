// Groups: who may do what, what they are answered, and who is told.
#include <set>
#include <sstream>

#include "tests/services/handlers/chat_world.h"

namespace ringgate::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const auto kEachStore =
    testing::Values(StoreKind::kMemory, StoreKind::kSqlite, StoreKind::kPostgres);

class GroupCommandsTest : public ChatWorld {
 protected:
  // What its gateway hears next, of which the client is the only receiver.
  template <class Notify>
  Notify told(const TestClient& client, std::string_view command) {
    const ReceivedPacket push = client.gateway.receive();
    EXPECT_EQ(push.header.flag(), pkt::Flag::Push);
    EXPECT_EQ(push.header.command(), command);
    EXPECT_EQ(push.meta("dest.channels"), client.channel_id);
    return push.parse<Notify>();
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, GroupCommandsTest, kEachStore, name_of_kind);

TEST_P(GroupCommandsTest, CreateTellsTheMembersWhoAreOnline) {
  const TestClient alice = log_in("alice");
  const TestClient bob = log_in_elsewhere("bob");
  const std::string group = create(alice, {"alice", "bob", "carol"});
  EXPECT_EQ(group.size(), 12u);
  EXPECT_EQ(group.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz"), std::string::npos);
  const auto notify = told<pkt::GroupCreateNotify>(bob, "chat.group.create");
  EXPECT_EQ(notify.group_id(), group);
  EXPECT_THAT(notify.members(), ElementsAre("alice", "bob", "carol"));
  EXPECT_THAT(members(alice, group), UnorderedElementsAre("alice", "bob", "carol"))
      << "and the caller was not told";
}

TEST_P(GroupCommandsTest, DetailSaysWhatWasCreated) {
  const TestClient alice = log_in("alice");
  const std::string group = create(alice, {"bob"});
  const auto detail = get(alice, "chat.group.detail", group);
  EXPECT_EQ(detail.id(), group);
  EXPECT_EQ(detail.name(), "friends");
  EXPECT_EQ(detail.avatar(), "face");
  EXPECT_EQ(detail.introduction(), "of all");
  EXPECT_EQ(detail.owner(), "alice");
  EXPECT_GT(detail.created_at(), 0);
  ASSERT_EQ(detail.members_size(), 1);
  EXPECT_EQ(detail.members(0).account(), "bob") << "exactly those listed";
  EXPECT_EQ(detail.members(0).join_time(), detail.created_at());
}

TEST_P(GroupCommandsTest, CreateIsRefusedWithoutMembersWithOneTwiceAndForSomebodyElse) {
  const TestClient alice = log_in("alice");
  pkt::GroupCreateReq asked;
  ask(alice, "chat.group.create", asked, pkt::Status::SystemException);
  asked.add_members("bob");
  asked.set_owner("carol");
  ask(alice, "chat.group.create", asked, pkt::Status::Unauthorized);
  asked.set_owner("alice");
  ask(alice, "chat.group.create", asked);
  asked.add_members("bob");
  ask(alice, "chat.group.create", asked, pkt::Status::SystemException);
  asked.set_members(1, "other,bob");
  ask(alice, "chat.group.create", asked, pkt::Status::SystemException);
  asked.set_members(1, "a\nb");
  ask(alice, "chat.group.create", asked, pkt::Status::SystemException);
}

TEST_P(GroupCommandsTest, CreateIsRefusedWithTextsThatAreTooLong) {
  const TestClient alice = log_in("alice");
  pkt::GroupCreateReq asked;
  asked.add_members("bob");
  for (auto* const text :
       {asked.mutable_name(), asked.mutable_avatar(), asked.mutable_introduction()}) {
    *text = std::string(chat_.max_group_text_bytes + 1, 'x');
    ask(alice, "chat.group.create", asked, pkt::Status::SystemException);
    text->pop_back();
    ask(alice, "chat.group.create", asked);
  }
  EXPECT_EQ(service_->count(LogicCounter::kTextTooLong), 3u);
}

TEST_P(GroupCommandsTest, JoinAndQuitTellThoseConcernedWhoAreOnline) {
  const TestClient alice = log_in("alice");
  const TestClient bob = log_in_elsewhere("bob");
  const std::string group = create(alice, {"alice"});
  join(bob, group, "bob");
  auto joined = told<pkt::GroupJoinNotify>(alice, "chat.group.join");
  EXPECT_EQ(joined.group_id(), group);
  EXPECT_EQ(joined.account(), "bob");
  EXPECT_THAT(members(bob, group), ElementsAre("alice", "bob"));
  quit(alice, group, "bob");
  const auto gone = told<pkt::GroupQuitNotify>(bob, "chat.group.quit");
  EXPECT_EQ(gone.group_id(), group);
  EXPECT_EQ(gone.account(), "bob");
  EXPECT_THAT(members(bob, group), ElementsAre("alice"));
  join(alice, group, "bob");
  joined = told<pkt::GroupJoinNotify>(bob, "chat.group.join");
  EXPECT_EQ(joined.account(), "bob");
}

TEST_P(GroupCommandsTest, WithoutAnAccountTheCallerIsMeant) {
  const TestClient alice = log_in("alice");
  const TestClient bob = log_in_elsewhere("bob");
  const std::string group = create(alice, {"carol"});
  join(bob, group, "");
  EXPECT_THAT(members(bob, group), ElementsAre("carol", "bob"));
  quit(bob, group, "");
  EXPECT_THAT(members(bob, group), ElementsAre("carol"));
}

TEST_P(GroupCommandsTest, OnlyTheOwnerActsForOthers) {
  const TestClient alice = log_in("alice");
  const TestClient bob = log_in_elsewhere("bob");
  const std::string group = create(alice, {"carol"});
  join(bob, group, "dave", pkt::Status::Unauthorized);
  quit(bob, group, "carol", pkt::Status::Unauthorized);
  join(alice, group, "nobody.knows");
  quit(alice, group, "carol");
  EXPECT_THAT(members(alice, group), ElementsAre("nobody.knows"));
}

TEST_P(GroupCommandsTest, ASecondJoinAndAnUnknownGroupAreRefusedButQuittingIsNot) {
  const TestClient alice = log_in("alice");
  const TestClient bob = log_in_elsewhere("bob");
  const std::string group = create(alice, {"alice", "carol"});
  join(alice, group, "carol", pkt::Status::SystemException);
  join(alice, "000000000000", "alice", pkt::Status::SystemException);
  join(alice, "a,b", "alice", pkt::Status::SystemException);
  join(alice, group, "kim,alice", pkt::Status::SystemException);
  quit(bob, group, "bob");
  quit(bob, "000000000000", "bob");
  get(alice, "chat.group.detail", "000000000000", pkt::Status::SystemException);
  get(alice, "chat.group.members", "", pkt::Status::SystemException);
  EXPECT_THAT(members(alice, group), UnorderedElementsAre("alice", "carol"))
      << "and nobody was told of bob";
}

TEST_P(GroupCommandsTest, ATalkReachesEveryMemberButTheSendersChannel) {
  const TestClient alice = log_in("alice");
  const TestClient bob = log_in_elsewhere("bob");
  const std::string group = create(alice, {"alice", "bob", "carol"});
  static_cast<void>(told<pkt::GroupCreateNotify>(bob, "chat.group.create"));
  const auto said = say(alice, "chat.group.talk", group, "hello");
  const auto heard = told<pkt::MessagePush>(bob, "chat.group.talk");
  EXPECT_EQ(heard.messageid(), said.messageid());
  EXPECT_EQ(heard.sendtime(), said.sendtime());
  EXPECT_EQ(heard.sender(), "alice");
  EXPECT_EQ(heard.body(), "hello");
  const TestClient carol = log_in("carol");
  EXPECT_THAT(index_ids(carol, 0), ElementsAre(said.messageid()));
  EXPECT_THAT(index_ids(alice, 0), IsEmpty());
}

TEST_P(GroupCommandsTest, OnlyMembersAndTheOwnerTalk) {
  const TestClient owner = log_in("olga");
  const TestClient bob = log_in_elsewhere("bob");
  const std::string group = create(owner, {"carol"});
  say(bob, "chat.group.talk", group, "spam", pkt::Status::Unauthorized);
  const auto said = say(owner, "chat.group.talk", group, "hello");
  EXPECT_GT(say(bob, "chat.group.talk", "000000000000", "anybody?").messageid(), 10'000);
  const TestClient carol = log_in("carol");
  EXPECT_THAT(index_ids(carol, 0), ElementsAre(said.messageid()));
}

TEST_P(GroupCommandsTest, AnotherAppsGroupsAreNotThere) {
  const TestClient alice = log_in("alice");
  const TestClient eve = log_in_elsewhere("alice", "shop");
  const std::string group = create(alice, {"alice"});
  get(eve, "chat.group.detail", group, pkt::Status::SystemException);
  get(eve, "chat.group.members", group, pkt::Status::SystemException);
  join(eve, group, "alice", pkt::Status::SystemException);
  quit(eve, group, "alice");
  say(eve, "chat.group.talk", group, "spam");
  EXPECT_THAT(members(alice, group), ElementsAre("alice"));
  EXPECT_THAT(index_ids(alice, -1), IsEmpty());
}

// --- Other options ------------------------------------------------------------------------------

class AnyoneTalksTest : public ChatWorld {
 protected:
  void SetUp() override {
    chat_.anyone_talks_to_groups = true;
    start();
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, AnyoneTalksTest, kEachStore, name_of_kind);

TEST_P(AnyoneTalksTest, WhoIsNoMemberIsHeard) {
  const TestClient alice = log_in("alice");
  const TestClient bob = log_in_elsewhere("bob");
  const std::string group = create(alice, {"carol"});
  const auto said = say(bob, "chat.group.talk", group, "hello");
  const TestClient carol = log_in("carol");
  EXPECT_THAT(index_ids(carol, 0), ElementsAre(said.messageid()));
}

class SmallGroupsTest : public ChatWorld {
 protected:
  void SetUp() override {
    max_group_members_ = 2;
    start();
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, SmallGroupsTest, kEachStore, name_of_kind);

TEST_P(SmallGroupsTest, AFullGroupTakesNobody) {
  const TestClient alice = log_in("alice");
  pkt::GroupCreateReq asked;
  for (const char* const member : {"a", "b", "c"}) asked.add_members(member);
  ask(alice, "chat.group.create", asked, pkt::Status::SystemException);
  const std::string group = create(alice, {"a", "b"});
  join(alice, group, "c", pkt::Status::SystemException);
  quit(alice, group, "a");
  join(alice, group, "c");
  EXPECT_THAT(members(alice, group), ElementsAre("b", "c"));
}

// --- A large one --------------------------------------------------------------------------------

class LargeGroupTest : public ChatWorld {
 protected:
  static std::string name(int i) { return "member" + std::to_string(i); }
  // Of one gateway.
  static std::multiset<std::string> receivers(const ReceivedPacket& push) {
    EXPECT_EQ(push.header.flag(), pkt::Flag::Push);
    std::multiset<std::string> channels;
    std::istringstream list(push.meta("dest.channels"));
    for (std::string channel; std::getline(list, channel, ',');) channels.insert(channel);
    return channels;
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, LargeGroupTest, kEachStore, name_of_kind);

TEST_P(LargeGroupTest, OneOfTenThousandGetsOnePushPerGateway) {
  constexpr int kMembers = 10'000;
  constexpr int kOnline = 50;
  const TestClient owner = log_in("owner");
  std::vector<std::string> all;
  for (int i = 0; i < kMembers; ++i) all.push_back(name(i));
  const std::string group = create(owner, all);
  std::multiset<std::string> channels;
  std::multiset<std::string> channels_elsewhere;
  for (int i = 0; i < kOnline; ++i) channels.insert(log_in(name(i)).channel_id);
  for (int i = kOnline; i < 2 * kOnline; ++i) {
    channels_elsewhere.insert(log_in_elsewhere(name(i)).channel_id);
  }
  pkt::MessageReq message;
  message.set_body("hello");
  owner.ask("chat.group.talk", ++sequence_, message.SerializeAsString(), group);
  EXPECT_EQ(receivers(gateway_->receive()), channels);
  EXPECT_EQ(receivers(other_->receive()), channels_elsewhere);
  const auto said = answered<pkt::MessageResp>(owner);
  const TestClient last = log_in_elsewhere(name(kMembers - 1));
  EXPECT_THAT(index_ids(last, 0), ElementsAre(said.messageid()));
  EXPECT_EQ(members(owner, group).size(), std::size_t{kMembers});
}

}  // namespace
}  // namespace ringgate::test
