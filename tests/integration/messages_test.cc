// Messages and groups with real processes: what was answered is kept, whatever ends; and a group
// over several gateways and chats.
#include <gmock/gmock.h>

#include <csignal>
#include <map>
#include <set>

#include "tests/integration/asking.h"
#include "tests/integration/command_run.h"
#include "tests/integration/raw_service.h"
#include "tests/services/store/redis/server.h"
#include "tests/services/store/sql/postgres_server.h"

namespace ringgate::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string sqlite_in(const std::filesystem::path& folder) {
  return "sqlite://" + (folder / "messages.db").string();
}

std::string create_group(Client& client, const std::vector<std::string>& members) {
  pkt::GroupCreateReq asked;
  for (const std::string& member : members) asked.add_members(member);
  return answer_to<pkt::GroupCreateResp>(client, "chat.group.create", asked).group_id();
}

TEST(DevMessages, AreThereAgainAfterARestart) {
  const TempDir folder;
  const std::vector<std::string> arguments = {"--data", (folder.path() / "data").string()};
  std::int64_t said = 0;
  std::string group;
  {
    Server dev(arguments);
    const std::string line = dev.process().wait_for_line("messages and groups are kept in");
    EXPECT_THAT(line, HasSubstr((folder.path() / "data" / "messages.db").string()));
    wait_until("ready", [&] { return dev.get("/ready").status == 200; });
    FrameSocket frames = dev.connect();
    frames.send(login(token("alice", {.secret = dev.secret()})));
    ASSERT_TRUE(frames.next_logic().is_answer(1));
    Client alice{std::move(frames), "alice", {}};
    group = create_group(alice, {"bob"});
    alice.send(talk("bob", "hello", 2));
    said = alice.next().parse<pkt::MessageResp>().messageid();
    dev.process().signal(SIGTERM);
    EXPECT_EQ(dev.process().wait_exit(), 0);
  }
  const Server dev(arguments);
  wait_until("ready", [&] { return dev.get("/ready").status == 200; });
  FrameSocket frames = dev.connect();
  frames.send(login(token("bob", {.secret = dev.secret()})));
  ASSERT_TRUE(frames.next_logic().is_answer(1));
  Client bob{std::move(frames), "bob", {}};
  EXPECT_THAT(missed(bob), ElementsAre(said));
  pkt::GroupGetReq asked;
  asked.set_group_id(group);
  const auto detail = answer_to<pkt::GroupGetResp>(bob, "chat.group.detail", asked);
  EXPECT_EQ(detail.owner(), "alice");
  EXPECT_EQ(detail.members_size(), 1);
}

TEST(DevMessages, AFolderThatCannotBeIsSaidAtOnce) {
  const Ended ended = run({"dev", "--tcp", "127.0.0.1:0", "--ws", "127.0.0.1:0", "--admin",
                           "127.0.0.1:0", "--data", "/dev/null/data"});
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.output, AllOf(HasSubstr("--data"), HasSubstr("/dev/null/data")));
}

// In the midst of traffic: what was answered with success is in the store, each once.
TEST(OneStore, ASecondProcessOnTheSameFileIsRefusedAndToldWhoHasIt) {
  const World world;
  const std::string url = sqlite_in(world.folder().path());
  const Settings settings = {{"MemorySessions", "true"}, {"MessageStore", url}};
  Server first(world, "chat", "chat01", settings);
  const Ended second = run({"chat", "-c", world.config("chat", "chat02", settings)});
  EXPECT_EQ(second.code, 1);
  expect_one_line(second);
  EXPECT_THAT(second.output,
              AllOf(HasSubstr("process " + std::to_string(first.process().pid()) + " keeps"),
                    HasSubstr((world.folder().path() / "messages.db").string())));
  first.process().signal(SIGKILL);
  first.process().wait_exit();
  const Server again(world, "chat", "chat02", settings);
}

TEST(OneStore, ASecondDevWithTheSameFolderIsRefusedAndToldWhoHasIt) {
  const TempDir folder;
  const std::string data = (folder.path() / "data").string();
  Server first({"--data", data});
  const Ended second = run({"dev", "--tcp", "127.0.0.1:0", "--ws", "127.0.0.1:0", "--admin",
                            "127.0.0.1:0", "--data", data});
  EXPECT_EQ(second.code, 1);
  expect_one_line(second);
  EXPECT_THAT(second.output, AllOf(HasSubstr("process " + std::to_string(first.process().pid())),
                                   HasSubstr(data)));
}

TEST(ChatKilled, EveryAnsweredMessageIsInTheStore) {
  const World world;
  const Redis redis(world);
  const Settings settings = {{"RedisAddrs", redis.address()},
                             {"MessageStore", sqlite_in(world.folder().path())}};
  const Server login_service(world, "login", "login01", {{"RedisAddrs", redis.address()}});
  auto chat = std::make_unique<Server>(world, "chat", "chat01", settings);
  const Server gateway(world, "gateway", "g1", {{"RollCallBeat", "100ms"}});
  gateway.wait_metric("ringgate_links", 2);
  wait_until("ready", [&] { return chat->get("/ready").status == 200; });
  constexpr std::uint32_t kClients = 8;
  constexpr std::uint32_t kAtOnce = 16;
  std::vector<Client> clients;
  clients.reserve(kClients);
  for (std::uint32_t i = 0; i < kClients; ++i) {
    clients.push_back(log_in(gateway, "client" + std::to_string(i)));
  }
  std::set<std::int64_t> answered;
  std::uint32_t sequence = 1;
  const auto talk_once = [&](bool all_are_answered) {
    for (Client& client : clients) {
      for (std::uint32_t i = 0; i < kAtOnce; ++i) client.send(talk("bob", "hello", ++sequence));
    }
    if (!all_are_answered) chat->process().signal(SIGKILL);
    for (Client& client : clients) {
      for (std::uint32_t i = 0; i < kAtOnce; ++i) {
        const Event answer = client.frames.next_logic();
        if (answer.header.status() != pkt::Success) continue;
        EXPECT_TRUE(answered.insert(answer.parse<pkt::MessageResp>().messageid()).second);
      }
    }
  };
  for (int i = 0; i < 20; ++i) talk_once(true);
  talk_once(false);
  // Beside a busy machine some are refused, since the store did not take them in time.
  EXPECT_GT(answered.size(), std::size_t{10 * kClients * kAtOnce});
  chat->process().wait_exit();
  chat = std::make_unique<Server>(world, "chat", "chat01", settings);
  wait_until("ready", [&] { return chat->get("/ready").status == 200; });
  gateway.wait_metric_is("ringgate_links", 2);
  Client bob = log_in(gateway, "bob");
  const std::vector<std::int64_t> ids = missed(bob);
  const std::set<std::int64_t> kept(ids.begin(), ids.end());
  EXPECT_EQ(kept.size(), ids.size()) << "each once";
  for (const std::int64_t id : answered) EXPECT_TRUE(kept.contains(id)) << id;
}

TEST(MessageStoreReady, ChatSaysWhatIsWrongUntilItWorks) {
  const World world;
  const std::filesystem::path later = world.folder().path() / "later";
  const Server chat(world, "chat", "chat01",
                    {{"MemorySessions", "true"}, {"MessageStore", sqlite_in(later)}});
  Server::Reply reply;
  wait_until("/ready says it", [&] {
    reply = chat.get("/ready");
    return reply.body.find("message store") != std::string::npos;
  });
  EXPECT_EQ(reply.status, 503);
  EXPECT_THAT(reply.body, HasSubstr((later / "messages.db").string()));
  EXPECT_EQ(chat.get("/health").status, 200) << "to start it again would not help";
  std::filesystem::create_directory(later);
  wait_until("ready", [&] { return chat.get("/ready").status == 200; });
}

TEST(StoreCommand, ChecksAndMigrates) {
  const TempDir folder;
  const std::string url = sqlite_in(folder.path());
  const Ended absent = run({"store", "check", "--store", url});
  EXPECT_EQ(absent.code, 1);
  expect_one_line(absent);
  EXPECT_THAT(run({"store", "migrate", "--store", url}).output, HasSubstr("has 2 now"));
  const Ended good = run({"store", "check", "--store", url});
  EXPECT_EQ(good.code, 0);
  EXPECT_THAT(good.output, AllOf(HasSubstr("is good: schema 2"), HasSubstr("0 messages")));
  EXPECT_THAT(run({"store", "migrate", "--store", url}).output, HasSubstr("has schema 2 already"));
  const Ended wrong = run({"store", "check", "--store", "mysql://host/db"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.output, HasSubstr("--store is none of sqlite:///"));
}

TEST(StoreCommand, FindsTheStoreOfAConfiguration) {
  const World world;
  const std::string url = sqlite_in(world.folder().path());
  const std::string file =
      world.config("chat", "chat01", {{"MemorySessions", "true"}, {"MessageStore", url}});
  {
    const Server chat(world, "chat", "chat01", {{"MemorySessions", "true"}, {"MessageStore", url}});
    wait_until("ready", [&] { return chat.get("/ready").status == 200; });
  }
  const Ended good = run({"store", "check", "-c", file});
  EXPECT_EQ(good.code, 0) << good.output;
  EXPECT_THAT(good.output, HasSubstr("is good: schema 2"));
}

// Two gateways, two chats, one PostgreSQL: everyone hears it once, and who is not there finds it.
TEST(LargeGroup, OfFiveHundredOverTwoGatewaysAndTwoChatsHearsEachTalkOnce) {
  constexpr int kMembers = 500;
  constexpr int kOffline = 100;  // the last ones
  const World world;
  const Redis redis(world);
  PostgresServer postgres;
  const Settings settings = {{"RedisAddrs", redis.address()},
                             {"MessageStore", '"' + postgres.url("chat") + '"'}};
  const Server login_service(world, "login", "login01", {{"RedisAddrs", redis.address()}});
  const Server one(world, "chat", "chat01", settings);
  const Server two(world, "chat", "chat02", settings);
  for (const Server* const chat : {&one, &two}) {
    wait_until("ready", [&] { return chat->get("/ready").status == 200; });
  }
  const Server first(world, "gateway", "g1");
  const Server second(world, "gateway", "g2");
  for (const Server* const gateway : {&first, &second}) gateway->wait_metric("ringgate_links", 3);

  std::vector<std::string> members;
  members.reserve(kMembers);
  std::vector<Client> clients;
  clients.reserve(kMembers);
  for (int i = 0; i < kMembers; ++i) members.push_back("member" + std::to_string(i));
  for (int i = 0; i < kMembers - kOffline; ++i) {
    clients.push_back(log_in(i % 2 == 0 ? first : second, members[static_cast<std::size_t>(i)]));
  }
  Client owner = log_in(first, "owner");
  const std::string group = create_group(owner, members);
  for (Client& client : clients) {
    EXPECT_EQ(client.next().parse<pkt::GroupCreateNotify>().group_id(), group);
  }
  // Channels are spread over the chats: both serve some of these.
  std::vector<std::int64_t> said;
  constexpr std::uint32_t kTalks = 10;
  for (std::uint32_t i = 0; i < kTalks; ++i) {
    pkt::MessageReq message;
    message.set_body("hello");
    Client& speaker = clients[i];
    speaker.send(ask("chat.group.talk", 2, message, group));
    // Its own pushes may come before.
    Event answer = speaker.next();
    ASSERT_TRUE(answer.is_answer(2)) << answer;
    said.push_back(answer.parse<pkt::MessageResp>().messageid());
    for (Client& client : clients) {
      if (&client == &speaker) continue;
      EXPECT_EQ(client.next().parse<pkt::MessagePush>().messageid(), said.back());
    }
  }
  for (Client& client : clients) EXPECT_FALSE(client.frames.has_next());
  EXPECT_GT(one.metric("ringgate_store_calls_total", "call=\"group_talk\""), 0);
  EXPECT_GT(two.metric("ringgate_store_calls_total", "call=\"group_talk\""), 0);
  for (const int i : {kMembers - kOffline, kMembers - 1}) {
    Client late = log_in(second, members[static_cast<std::size_t>(i)]);
    EXPECT_EQ(missed(late), said);
  }
}

}  // namespace
}  // namespace ringgate::test
