// The played service behind a real gateway: what clients get, and what the registry says.
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include "tests/benchmarks/played_service_world.h"

namespace ringgate::test {
namespace {

using ::testing::HasSubstr;

// Commands of echo go to the service that answers logins.
const Settings kRoutes = {{"Routes", "{echo: login}"}};

bench::Options named(std::vector<std::string> names) {
  bench::Options options;
  options.service.names = std::move(names);
  return options;
}

TEST(PlayedService, AnswersClientsThroughAGateway) {
  PlayedBench bench({}, kRoutes);
  Client alice = log_in(bench.gateway, "alice");
  EXPECT_TRUE(alice.channel.starts_with("g1_alice_"));
  alice.send(ping());
  EXPECT_EQ(alice.next().kind, Event::Kind::kPong);
  alice.send(packet(header("echo.ping", 2), "the body"));
  const Event answer = alice.next();
  EXPECT_TRUE(answer.is_answer(2)) << answer;
  EXPECT_EQ(answer.body, "the body");
  EXPECT_EQ(answer.header.meta_size(), 0) << answer;
  bench.service->stop();
  EXPECT_FALSE(bench.state.failure());
  for (const std::uint64_t count : bench.service->tally().errors) EXPECT_EQ(count, 0U);
}

TEST(PlayedService, AnswersAllOfALargeBody) {
  PlayedBench bench({}, kRoutes);
  Client alice = log_in(bench.gateway, "alice");
  std::string body(60 * 1024, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 + i / 251);
  for (std::uint32_t i = 2; i < 22; ++i) {  // more at once would make a slow consumer
    alice.send(packet(header("echo.ping", i), body));
    const Event answer = alice.next();
    EXPECT_TRUE(answer.is_answer(i));
    EXPECT_TRUE(answer.body == body);
  }
}

TEST(PlayedService, WithChatDeliversTalks) {
  PlayedBench bench(named({"login", "chat"}), {{"Shards", "2"}}, 4);
  auto [alice, bob] = log_in_on_two_shards(bench.gateway);
  alice.send(talk(bob.account, "hello", 2));
  const Event delivery = bob.next();
  EXPECT_EQ(delivery.header.flag(), pkt::Push);
  const auto pushed = delivery.parse<pkt::MessagePush>();
  EXPECT_EQ(pushed.body(), "hello");
  EXPECT_EQ(pushed.sender(), "alice");
  const Event answer = alice.next();
  EXPECT_TRUE(answer.is_answer(2)) << answer;
  EXPECT_EQ(answer.parse<pkt::MessageResp>().messageid(), pushed.messageid());
}

TEST(PlayedService, IsInTheRegistryUntilItStops) {
  World world;
  bench::RunState state;
  const bench::Options options = played(world, named({"login", "chat"}));
  const auto service = start_played(options, state);
  const Instance login = must_be_registered(world, "login");
  const Instance chat = must_be_registered(world, "chat");
  EXPECT_EQ(login.id, "ringbench-login-" + std::to_string(getpid()));
  EXPECT_EQ(login.address, "127.0.0.1");
  EXPECT_TRUE(login.lanes());
  EXPECT_NE(login.port, chat.port);
  EXPECT_NO_THROW(Socket::connect(chat.port)) << "it accepts when it is registered";
  service->stop();
  EXPECT_FALSE(registered(world, "login") || registered(world, "chat"));
  EXPECT_THROW(Socket::connect(chat.port), std::runtime_error) << "the port is free again";
  service->stop();  // again is no error
}

TEST(PlayedService, WithoutLanesSaysSo) {
  World world;
  bench::RunState state;
  bench::Options options = played(world);
  options.service.lanes = false;
  const auto service = start_played(options, state);
  EXPECT_FALSE(must_be_registered(world, "login").lanes());
}

TEST(PlayedService, LeavesTheRegistryWhenItGoesOutOfScope) {
  World world;
  bench::RunState state;
  const bench::Options options = played(world);
  start_played(options, state);
  EXPECT_FALSE(registered(world, "login"));
}

TEST(PlayedService, CountsALinkThatBreaks) {
  PlayedBench bench({}, {});
  bench.gateway.process().signal(SIGKILL);
  wait_until("no link", [&] { return bench.service->links() == 0; });
  bench.service->stop();
  EXPECT_EQ(errors(bench.service->tally(), bench::ErrorKind::kConnectionLost), 1U);
}

// --- What it cannot begin with -----------------------------------------------------------------

std::string start_error(const bench::Options& options) {
  bench::RunState state;
  const auto service = bench::PlayedService::start(options, state);
  return service ? "" : service.error().message;
}

TEST(PlayedServiceStart, OnATakenPortIsASentence) {
  World world;
  Listener other;
  bench::Options options = played(world);
  options.service.listen = "127.0.0.1:" + std::to_string(other.port());
  EXPECT_THAT(start_error(options), HasSubstr(std::to_string(other.port())));
  EXPECT_FALSE(registered(world, "login"));
}

TEST(PlayedServiceStart, WithoutARegistryIsASentence) {
  EXPECT_THAT(start_error({}), HasSubstr("registry"));
  World world;
  bench::Options options = played(world);
  options.service.consul_url = "127.0.0.1:1";
  EXPECT_THAT(start_error(options), HasSubstr("registry")) << "both";
}

TEST(PlayedServiceStart, WithARegistryThatCannotBeWrittenIsASentence) {
  World world;
  bench::Options options = played(world);
  options.service.registry_file = "/nowhere/services.json";
  EXPECT_THAT(start_error(options), HasSubstr("/nowhere"));
  options.service.registry_file = world.folder().write("bad.json", "no JSON").string();
  EXPECT_THAT(start_error(options), HasSubstr("bad.json"));
}

TEST(PlayedServiceStart, WithSuchNamesOrSuchAnAddressIsASentence) {
  World world;
  EXPECT_THAT(start_error(played(world, named({}))), HasSubstr("name"));
  EXPECT_THAT(start_error(played(world, named({"no name"}))), HasSubstr("no name"));
  bench::Options options = played(world);
  options.service.listen = "nonsense";
  EXPECT_THAT(start_error(options), HasSubstr("nonsense"));
}

}  // namespace
}  // namespace ringgate::test
