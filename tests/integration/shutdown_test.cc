// Signals: leaving in order, at once, or not at all.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>

#include "control/base/address.h"
#include "control/discovery/file_store.h"
#include "tests/common/free_port.h"
#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

bool registered(const World& world, const std::string& id) {
  const auto stored = read_services(world.registry_file());
  if (!stored || !*stored) return false;
  return std::ranges::any_of((*stored)->services,
                             [&](const Instance& service) { return service.id == id; });
}

TEST(Sigterm, TellsClientsSignsThemOutAndExitsZero) {
  Bench bench{{{"Shards", "2"}}};
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(bench.log_in("account" + std::to_string(i)));
  FrameSocket stranger = bench.gateway.connect();
  stranger.send(ping());
  EXPECT_EQ(stranger.next().kind, Event::Kind::kPong);
  EXPECT_TRUE(registered(bench.world, "g1"));

  bench.gateway.process().signal(SIGTERM);
  std::set<std::string> expected;
  for (Client& client : clients) {
    const Event close = client.next();
    EXPECT_EQ(close.kind, Event::Kind::kClose) << close;
    EXPECT_TRUE(sends_away(close));
    EXPECT_EQ(client.next().kind, Event::Kind::kEnd);
    expected.insert(client.channel);
    client.frames.socket().close();
  }
  EXPECT_TRUE(sends_away(stranger.next()));
  stranger.socket().close();
  std::set<std::string> signed_out;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    signed_out.insert(bench.link.request("login.signout").header.channelid());
  }
  EXPECT_EQ(signed_out, expected);
  EXPECT_EQ(bench.gateway.process().wait_exit(), 0);
  EXPECT_EQ(bench.link.frames().next_logic().kind, Event::Kind::kEnd);
  EXPECT_FALSE(registered(bench.world, "g1"));
  EXPECT_TRUE(registered(bench.world, "login01")) << "only its own entry is removed";
}

TEST(Sigterm, ClosesClientsAtDrainPace) {
  Bench bench{{{"DrainPace", "10"}}};
  std::vector<Client> clients;
  for (int i = 0; i < 15; ++i) clients.push_back(bench.log_in("account" + std::to_string(i)));
  const auto begin = SteadyClock::now();
  bench.gateway.process().signal(SIGTERM);
  for (Client& client : clients) {
    EXPECT_EQ(client.next().kind, Event::Kind::kClose);
    client.frames.socket().close();
  }
  EXPECT_GE(SteadyClock::now() - begin, 1s) << "fifteen at ten a second";
  EXPECT_EQ(bench.gateway.process().wait_exit(), 0);
}

TEST(Sigterm, WaitsForAnswersThatAreUnderWay) {
  ChatBench bench{{{"DrainTime", "30s"}}};
  Client alice = bench.log_in("alice");
  alice.send(talk("bob", "hello", 2));
  const Event request = bench.chat_link.request("chat.user.talk");
  bench.gateway.process().signal(SIGTERM);
  wait_until("draining", [&] { return bench.gateway.get("/ready").body == "draining\n"; });
  EXPECT_EQ(bench.gateway.get("/ready").status, 503);
  EXPECT_EQ(bench.gateway.get("/health").status, 200) << "leaving is no illness";
  EXPECT_THROW(bench.gateway.process().wait_exit(200ms), std::runtime_error);
  bench.chat_link.respond(request);
  EXPECT_TRUE(alice.next().is_answer(2)) << "first";
  EXPECT_TRUE(sends_away(alice.next()));
  alice.frames.socket().close();
  EXPECT_EQ(bench.gateway.process().wait_exit(), 0);
}

TEST(Sigterm, EndsAfterDrainTimeAnywayAndSaysWhatWasLeft) {
  ChatBench bench{{{"DrainTime", "200ms"}}};
  Client alice = bench.log_in("alice");
  alice.send(talk("bob", "hello", 2));
  bench.chat_link.request("chat.user.talk");  // never answered
  bench.gateway.process().signal(SIGTERM);
  EXPECT_EQ(bench.gateway.process().wait_exit(), 0);
  const std::string output = bench.gateway.process().whole_output();
  EXPECT_NE(output.find("DrainTime is over: "), std::string::npos) << output;
  EXPECT_NE(output.find("1 requests have no answer"), std::string::npos) << output;
  EXPECT_EQ(output.find(" drained"), std::string::npos) << "it was not: " << output;
}

// Balancers need a moment to see that it goes.
TEST(Sigterm, InDrainDelayItIsGoneFromTheRegistryAndStillTakesClients) {
  Bench bench{{{"DrainDelay", "10m"}}};
  Client alice = bench.log_in("alice");
  bench.gateway.process().signal(SIGTERM);
  wait_until("draining", [&] { return bench.gateway.get("/ready").body == "draining\n"; });
  wait_until("deregistered", [&] { return !registered(bench.world, "g1"); });
  EXPECT_EQ(bench.gateway.get("/health").status, 200);
  Client bob = bench.log_in("bob");
  for (Client* const client : {&alice, &bob}) {
    client->send(ping());
    EXPECT_EQ(client->next().kind, Event::Kind::kPong);
  }
  EXPECT_EQ(exit_of_signals(bench.gateway.process(), SIGTERM), 1);
}

// From SIGTERM to the end of a gateway whose client does not go, and whose output nobody reads.
std::chrono::milliseconds end_of_a_mute_gateway(const std::string& drain_time) {
  const World world;
  RawService login_service(world, "login01", "login");
  const std::string listen = "127.0.0.1:" + std::to_string(free_port());
  ProcessUnderTest gateway(
      ProcessUnderTest::ringgate(
          {"gateway", "-c",
           world.config("gateway", "g1", {{"Listen", listen}, {"DrainTime", drain_time}})}),
      {.out = Sink::kFullPipe, .err = Sink::kFullPipe});
  Link link = login_service.accept();
  FrameSocket client(Socket::connect(parse_endpoint(listen)->port));
  client.send(login(token("alice")));
  answer_login(link, "alice");
  EXPECT_TRUE(client.next().is_answer(1));
  const auto begun = std::chrono::steady_clock::now();
  gateway.signal(SIGTERM);
  EXPECT_TRUE(sends_away(client.next()));
  EXPECT_EQ(gateway.wait_exit(), 0);
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                               begun);
}

// Waiting for either stream took half a second on top of it. A busy machine is slow at times.
TEST(Sigterm, EndsWithinDrainTimeWhereNobodyReadsWhatIsSaid) {
  constexpr auto kDrainTime = 500ms;
  constexpr auto kSlack = 700ms;
  auto took = end_of_a_mute_gateway("500ms");
  for (int i = 0; i < 2 && took > kDrainTime + kSlack; ++i) took = end_of_a_mute_gateway("500ms");
  EXPECT_GE(took, kDrainTime);
  EXPECT_LE(took, kDrainTime + kSlack);
}

// Whoever starts processes may stop them at once.
TEST(Sigterm, OneThatComesWhileItStartsIsADrain) {
  const World world;
  const std::string pipe = (world.folder().path() / "gateway.yaml").string();
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  UniqueFd config(open(pipe.c_str(), O_RDWR | O_CLOEXEC));
  ProcessUnderTest gateway(ProcessUnderTest::ringgate({"gateway", "-c", pipe}));
  const std::filesystem::path process = "/proc/" + std::to_string(gateway.pid());
  wait_until("it reads its configuration", [&] {
    std::error_code gone;
    if (std::filesystem::read_symlink(process / "exe", gone).filename() != "ringgate") return false;
    for (const auto& entry : std::filesystem::directory_iterator(process / "fd", gone)) {
      if (std::filesystem::read_symlink(entry, gone) == pipe) return true;
    }
    return false;
  });
  gateway.signal(SIGTERM);
  const std::string text =
      "ServiceID: g1\nListen: 127.0.0.1:0\nAppSecret: " + std::string(20, 'a') +
      "\nRegistryFile: " + world.registry_file() + "\n";
  ASSERT_EQ(write(config.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  config.reset();
  EXPECT_EQ(gateway.wait_exit(), 0) << gateway.output();
}

TEST(Sigterm, ASecondOneExitsAtOnce) {
  ChatBench bench{{{"DrainTime", "10m"}, {"AnswerTimeout", "10m"}}};
  Client alice = bench.log_in("alice");
  alice.send(talk("bob", "hello", 2));
  bench.chat_link.request("chat.user.talk");  // never answered
  bench.gateway.process().signal(SIGTERM);
  wait_until("draining", [&] { return bench.gateway.get("/ready").body == "draining\n"; });
  EXPECT_EQ(exit_of_signals(bench.gateway.process(), SIGTERM), 1);
}

// `timeout`, shells and supervisors send a signal to the process and to its group.
TEST(Sigterm, TwoOrThreeAtOnceCountAsOne) {
  ChatBench bench{{{"DrainTime", "10m"}, {"AnswerTimeout", "10m"}}};
  Client alice = bench.log_in("alice");
  alice.send(talk("bob", "hello", 2));
  const Event request = bench.chat_link.request("chat.user.talk");
  ProcessUnderTest& gateway = bench.gateway.process();
  gateway.freeze();  // so that they come together, however busy the machine is
  gateway.signal(SIGTERM);
  gateway.signal(SIGINT);
  gateway.signal(SIGCONT);
  gateway.wait_for_line("counts as one with the first");
  bench.chat_link.respond(request);
  EXPECT_TRUE(alice.next().is_answer(2));
  EXPECT_TRUE(sends_away(alice.next()));
  EXPECT_EQ(gateway.wait_exit(), 0);
}

TEST(Sigterm, NewClientsAreTurnedAway) {
  ChatBench bench{{{"DrainTime", "10m"}, {"AnswerTimeout", "10m"}}};
  Client alice = bench.log_in("alice");
  alice.send(talk("bob", "hello", 2));
  bench.chat_link.request("chat.user.talk");
  bench.gateway.process().signal(SIGTERM);
  wait_until("the listener is closed", [&] {
    try {
      FrameSocket late = bench.gateway.connect();
      return late.next().kind == Event::Kind::kEnd;
    } catch (const std::runtime_error&) {
      return true;
    }
  });
}

TEST(Sigterm, ALogicServiceFinishesWhatItHasAndExitsZero) {
  TalkBench bench;
  Client alice = log_in(bench.gateway, "alice");
  bench.chat.process().signal(SIGTERM);
  EXPECT_EQ(bench.chat.process().wait_exit(), 0);
  EXPECT_FALSE(registered(bench.world, "chat01"));
  bench.gateway.wait_metric_is("ringgate_links", 0);
  alice.send(talk("bob", "hello", 2));
  EXPECT_TRUE(alice.next().is_answer(2, pkt::SystemException));
}

TEST(Sigterm, DevExitsZero) {
  Server dev({"--shards", "2"});
  Client alice = log_in(dev, "alice");
  dev.process().signal(SIGTERM);
  EXPECT_TRUE(sends_away(alice.next()));
  alice.frames.socket().close();
  EXPECT_EQ(dev.process().wait_exit(), 0);
}

TEST(Sigint, DrainsToo) {
  Bench bench;
  bench.gateway.process().signal(SIGINT);
  EXPECT_EQ(bench.gateway.process().wait_exit(), 0);
}

TEST(Sighup, ReloadsTheLogLevelAndNothingIsLost) {
  Bench bench{{{"LogLevel", "warn"}}};
  Client alice = bench.log_in("alice");
  bench.world.config(
      "gateway", "g1",
      {{"LogLevel", "info"}, {"MonitorPort", std::to_string(bench.gateway.monitor())}});
  bench.gateway.process().signal(SIGHUP);
  bench.gateway.process().wait_for_line("SIGHUP: LogLevel changed");
  alice.send(ping());
  EXPECT_EQ(alice.next().kind, Event::Kind::kPong);
}

// Its files are there and good: nobody would think of sending the signal again.
TEST(Sighup, WithoutADescriptorToReadItsFilesWithItTriesAgain) {
  Bench bench{{{"LogLevel", "warn"}}};
  bench.world.config(
      "gateway", "g1",
      {{"LogLevel", "info"}, {"MonitorPort", std::to_string(bench.gateway.monitor())}});
  const pid_t pid = bench.gateway.process().pid();
  rlimit before{};
  ASSERT_EQ(prlimit(pid, RLIMIT_NOFILE, nullptr, &before), 0);
  const rlimit none{3, before.rlim_max};
  ASSERT_EQ(prlimit(pid, RLIMIT_NOFILE, &none, nullptr), 0);
  bench.gateway.process().signal(SIGHUP);
  bench.gateway.process().wait_for_line("nothing is reloaded yet");
  ASSERT_EQ(prlimit(pid, RLIMIT_NOFILE, &before, nullptr), 0);
  bench.gateway.process().wait_for_line("SIGHUP: LogLevel changed");
}

// Parsed by another library it took a gigabyte a second until the process died.
TEST(Sighup, AFileThatNoParserLikesAndOneThatNeverEndsChangeNothing) {
  Bench bench;
  const std::filesystem::path file = bench.world.folder().write("g1.yaml", ", a");
  bench.gateway.process().signal(SIGHUP);
  bench.gateway.process().wait_for_line("nothing is reloaded: " + file.string() +
                                        ": line 1: not valid YAML");
  std::filesystem::remove(file);
  ASSERT_EQ(mkfifo(file.c_str(), 0600), 0);
  const UniqueFd silent(open(file.c_str(), O_RDWR));
  bench.gateway.process().signal(SIGHUP);
  bench.gateway.process().wait_for_line("is a pipe that has not ended");
  EXPECT_EQ(bench.gateway.get("/health").status, 200);
}

TEST(Sighup, ABadFileChangesNothing) {
  Bench bench;
  Client alice = bench.log_in("alice");
  bench.world.config("gateway", "g1", {{"Nonsense", "1"}});
  bench.gateway.process().signal(SIGHUP);
  bench.gateway.process().wait_for_line("nothing is reloaded");
  alice.send(ping());
  EXPECT_EQ(alice.next().kind, Event::Kind::kPong);
  bench.gateway.process().signal(SIGTERM);
  EXPECT_TRUE(sends_away(alice.next()));
}

}  // namespace
}  // namespace ringgate::test
