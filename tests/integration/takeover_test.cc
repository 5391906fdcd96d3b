// --takeover: a process that gets the ports of another, all of them, and the other one's end.
#include <gmock/gmock.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "tests/integration/command_run.h"
#include "tests/integration/raw_service.h"
#include "tests/integration/takeover_world.h"

namespace ringgate::test {
namespace {

using testing::HasSubstr;

// `Ring` of the configuration counts, whatever the environment says of all tests.
class RingOfConfiguration {
 public:
  RingOfConfiguration() {
    if (const char* const text = std::getenv("RINGGATE_RING"); text != nullptr) had_ = text;
    unsetenv("RINGGATE_RING");
  }
  ~RingOfConfiguration() {
    if (!had_.empty()) setenv("RINGGATE_RING", had_.c_str(), 1);
  }
  RingOfConfiguration(const RingOfConfiguration&) = delete;
  RingOfConfiguration& operator=(const RingOfConfiguration&) = delete;

 private:
  std::string had_;
};

class TakeoverTest : public testing::Test {
 protected:
  // Logged in at the link of that gateway.
  static Client log_in(const Server& gateway, Link& link, const std::string& account) {
    return test::log_in(gateway, link, account);
  }

  World world_;
  RawService login_service_{world_, "login01", "login"};
};

TEST_F(TakeoverTest, OfTheSameIdTakesEveryPortAndTheOldOneDrains) {
  const Settings settings = on_fixed_ports();
  Server old(world_, "gateway", "g1", settings);
  Link old_link = login_service_.accept();
  Client alice = log_in(old, old_link, "alice");
  const std::string old_identity = old.get("/id").body;
  const std::string old_started = entry_of(world_, "g1")->meta[kStartedMeta];

  Server fresh = next_of(world_, "g1", settings);
  Link fresh_link = login_service_.accept();
  EXPECT_EQ(old_link.handshake().serviceid(), "g1");
  EXPECT_EQ(fresh_link.handshake().serviceid(), "g1--1") << "beside the old one's link";
  EXPECT_NE(fresh.get("/id").body, old_identity) << "its port, too";
  EXPECT_EQ(fresh.get("/health").status, 200);
  fresh.process().wait_for_line("admin http://127.0.0.1:" + settings.at("AdminPort"));
  Client bob = log_in(fresh, fresh_link, "bob");
  EXPECT_THAT(bob.channel, testing::StartsWith("g1--1_bob_"));

  EXPECT_TRUE(sends_away(alice.next()));
  alice.frames.socket().close();
  EXPECT_EQ(old_link.request("login.signout").header.channelid(), alice.channel);
  EXPECT_EQ(old.process().wait_exit(), 0);
  wait_until("the entry is the new one's", [&] {
    const std::optional<Instance> entry = entry_of(world_, "g1");
    return entry && entry->meta.at(kStartedMeta) != old_started;
  });
  bob.send(ping());
  EXPECT_EQ(bob.next().kind, Event::Kind::kPong);
}

TEST_F(TakeoverTest, OfAnotherIdRegistersBesideAndTheOldEntryGoes) {
  const Settings settings = on_fixed_ports();
  Server old(world_, "gateway", "g1", settings);
  Link old_link = login_service_.accept();
  Server fresh = next_of(world_, "g2", settings);
  Link fresh_link = login_service_.accept();
  EXPECT_EQ(fresh_link.handshake().serviceid(), "g2");
  wait_until("the old entry has gone", [&] {
    const auto stored = read_services(world_.registry_file());
    const bool is_any_there =
        stored && *stored && std::ranges::any_of((*stored)->services, [](const Instance& entry) {
          return entry.id == "g1" || entry.id == "g2";
        });
    EXPECT_TRUE(is_any_there) << "whoever looks finds a gateway";
    return !entry_of(world_, "g1");
  });
  EXPECT_EQ(old.process().wait_exit(), 0);
  EXPECT_TRUE(entry_of(world_, "g2"));
  EXPECT_FALSE(entry_of(world_, "g1"));
}

TEST_F(TakeoverTest, MayFollowATakeover) {
  const Settings settings = on_fixed_ports();
  Server first(world_, "gateway", "g1", settings);
  Link first_link = login_service_.accept();
  Client alice = log_in(first, first_link, "alice");  // stays, so that the first one does, too
  Server second = next_of(world_, "g1", settings);
  Link second_link = login_service_.accept();
  Server third = next_of(world_, "g1", settings);
  Link third_link = login_service_.accept();
  EXPECT_EQ(third_link.handshake().serviceid(), "g1--2") << "nobody else is there under it";
  EXPECT_EQ(second.process().wait_exit(), 0);
  EXPECT_TRUE(sends_away(alice.next()));
  alice.frames.socket().close();
  EXPECT_EQ(first.process().wait_exit(), 0);
  log_in(third, third_link, "bob");
}

TEST_F(TakeoverTest, WhereNobodyListensItIsAStart) {
  const Server gateway = next_of(world_, "g1", on_fixed_ports());
  Link link = login_service_.accept();
  EXPECT_EQ(link.handshake().serviceid(), "g1");
  log_in(gateway, link, "alice");
}

TEST_F(TakeoverTest, OneThatFindsNoLoginServiceEndsAndTheOldOneStays) {
  const Settings settings = on_fixed_ports();
  Server old(world_, "gateway", "g1", settings);
  Link link = login_service_.accept();
  const World elsewhere;
  ProcessUnderTest fresh(ProcessUnderTest::ringgate(
      {"gateway", "-c", elsewhere.config("gateway", "g1", settings), "--takeover"}));
  EXPECT_EQ(fresh.wait_exit(30s), 1);
  EXPECT_THAT(fresh.output(), HasSubstr("it stays"));
  EXPECT_EQ(old.get("/ready").status, 200);
  log_in(old, link, "alice");
}

TEST_F(TakeoverTest, OneThatIsKilledBeforeChangesNothing) {
  const Settings settings = on_fixed_ports();
  Server old(world_, "gateway", "g1", settings);
  Link link = login_service_.accept();
  const World elsewhere;
  {
    ProcessUnderTest fresh(ProcessUnderTest::ringgate(
        {"gateway", "-c", elsewhere.config("gateway", "g1", settings), "--takeover"}));
    fresh.wait_for_line("serves as");
  }
  log_in(old, link, "alice");
  Server next = next_of(world_, "g1", settings);
  EXPECT_EQ(next.get("/health").status, 200) << "and another may come";
}

TEST_F(TakeoverTest, OfASocketInTheFileSystemKeepsItsFile) {
  Settings settings = on_fixed_ports();
  const std::string path = (world_.folder().path() / "g.sock").string();
  settings["Listen"] = R"([")" + settings.at("Listen") + R"(", "unix:)" + path + R"("])";
  Server old(world_, "gateway", "g1", settings);
  Server fresh = next_of(world_, "g1", settings);
  EXPECT_EQ(old.process().wait_exit(), 0);
  EXPECT_TRUE(std::filesystem::is_socket(path));
  fresh.process().signal(SIGTERM);
  EXPECT_EQ(fresh.process().wait_exit(), 0);
  EXPECT_FALSE(std::filesystem::exists(path));
}

// From one ring to the other, of the same id: what one process has of both is the ports.
class TakeoverBetweenRings : public testing::TestWithParam<std::pair<const char*, const char*>> {
 protected:
  Settings settings_of(const char* ring) const {
    Settings all = ports_;
    all.insert_or_assign("Ring", ring);
    all.insert_or_assign("Shards", "2");
    return all;
  }
  const RingOfConfiguration ring_;
  const Settings ports_ = on_fixed_ports();
  World world_;
  RawService login_service_{world_, "login01", "login"};
  RawService chat_service_{world_, "chat01", "chat"};
};

TEST_P(TakeoverBetweenRings, ClientsOfTheOldOneStayUntilTheyAreAnswered) {
  const auto [before, after] = GetParam();
  Server old(world_, "gateway", "g1", settings_of(before));
  Link old_link = login_service_.accept();
  Link old_chat = chat_service_.accept();
  Client alice = log_in(old, old_link, "alice");
  alice.send(packet(header("chat.long", 7), "how long?"));
  const Event asked = old_chat.request("chat.long");
  EXPECT_EQ(old.metric("ringgate_ring_info", before), 1);

  Server fresh = next_of(world_, "g1", settings_of(after));
  Link fresh_link = login_service_.accept();
  Link fresh_chat = chat_service_.accept();
  old.process().wait_for_line("clients are told to go");
  EXPECT_EQ(fresh.metric("ringgate_ring_info", after), 1) << "the monitor port is its";
  Client bob = log_in(fresh, fresh_link, "bob");
  EXPECT_THAT(bob.channel, testing::StartsWith("g1--1_bob_"));

  // The old one has not forgotten who waits.
  alice.send(ping());
  EXPECT_EQ(alice.next().kind, Event::Kind::kPong);
  old_chat.respond(asked, "until now");
  const Event answer = alice.next();
  EXPECT_TRUE(answer.is_answer(7));
  EXPECT_EQ(answer.body, "until now");
  EXPECT_TRUE(sends_away(alice.next()));
  alice.frames.socket().close();
  EXPECT_EQ(old.process().wait_exit(), 0);

  const Ended kicked =
      run({"kick", "--gateway", "127.0.0.1:" + ports_.at("AdminPort"), "--account", "bob"});
  EXPECT_EQ(kicked.code, 0) << kicked.output;
  EXPECT_THAT(kicked.output, HasSubstr("1 "));
}

INSTANTIATE_TEST_SUITE_P(Rings, TakeoverBetweenRings,
                         testing::Values(std::pair("io_uring", "epoll"),
                                         std::pair("epoll", "io_uring")));

// Clients that come all the while, from one process to the next: each is let in. A key, and its
// value before and after.
struct Change {
  const char* key;
  const char* before;
  const char* after;
};
void PrintTo(const Change& change, std::ostream* to) {
  *to << change.key << " " << change.before << " " << change.after;
}
class TakeoverUnderLoad : public testing::TestWithParam<Change> {};

TEST_P(TakeoverUnderLoad, NobodyIsTurnedAway) {
  const RingOfConfiguration ring;
  const World world;
  const Server services(world, "login", "login01", {{"MemorySessions", "true"}});
  const auto [key, before, after] = GetParam();
  Settings settings = on_fixed_ports({{key, before}, {"DrainTime", "20s"}});
  const auto port = static_cast<std::uint16_t>(
      std::stoi(settings.at("Listen").substr(settings.at("Listen").rfind(':') + 1)));
  auto gateway = std::make_unique<Server>(world, "gateway", "g1", settings);
  gateway->wait_metric("ringgate_links", 1);
  std::atomic<int> come = 0;
  std::vector<std::string> failures(4);
  std::vector<std::jthread> clients;
  for (std::size_t i = 0; i < failures.size(); ++i) {
    clients.emplace_back([&, i](const std::stop_token& over) {
      for (int n = 0; !over.stop_requested() && failures[i].empty(); ++n) {
        try {
          FrameSocket client(Socket::connect(port));
          client.send(login(token("client" + std::to_string(i) + "x" + std::to_string(n))));
          const Event answer = client.next();
          if (!answer.is_answer(1)) failures[i] = "no login: " + answer.payload;
          ++come;
        } catch (const std::exception& error) {
          failures[i] = error.what();
        }
      }
    });
  }
  for (const char* const value : {after, before, after}) {
    const int had_come = come;
    wait_until("clients come", [&] { return come > had_come + 50; });
    settings[key] = value;
    auto next = std::make_unique<Server>(next_of(world, "g1", settings));
    EXPECT_EQ(gateway->process().wait_exit(), 0);
    gateway = std::move(next);
  }
  const int had_come = come;
  wait_until("clients come", [&] { return come > had_come + 50; });
  clients.clear();
  for (const std::string& failure : failures) EXPECT_EQ(failure, "");
}

INSTANTIATE_TEST_SUITE_P(Shards, TakeoverUnderLoad,
                         testing::Values(Change{"Shards", "2", "2"}, Change{"Shards", "3", "1"},
                                         Change{"Shards", "1", "4"}));
INSTANTIATE_TEST_SUITE_P(Rings, TakeoverUnderLoad,
                         testing::Values(Change{"Ring", "io_uring", "epoll"}));

}  // namespace
}  // namespace ringgate::test
