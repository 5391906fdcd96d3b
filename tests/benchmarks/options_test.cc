#include "benchmarks/ringbench/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include <cstdlib>

#include "benchmarks/ringbench/push_body.h"

namespace ringgate::bench {
namespace {

using testing::HasSubstr;

std::expected<Options, UsageEnd> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "ringbench");
  return parse_options(static_cast<int>(words.size()), words.data());
}

std::string refusal(const std::vector<const char*>& words) {
  const auto options = parse(words);
  if (options) return "accepted";
  EXPECT_EQ(options.error().exit_code, 2);
  return options.error().text;
}

class OptionsTest : public testing::Test {
 protected:
  void SetUp() override { unsetenv("RINGBENCH_SECRET"); }
  void TearDown() override { unsetenv("RINGBENCH_SECRET"); }
};

TEST_F(OptionsTest, TakesAWholeCommandLine) {
  const auto options = parse({"forward",
                              "--target",
                              "tcp://127.0.0.1:8001",
                              "--connections",
                              "512",
                              "--duration",
                              "1500ms",
                              "--warmup",
                              "0s",
                              "--pid",
                              "7",
                              "--threads",
                              "2",
                              "--cpu",
                              "1,3",
                              "--secret",
                              "s",
                              "--command",
                              "echo.x",
                              "--body",
                              "0",
                              "--json",
                              "out.json"});
  ASSERT_TRUE(options) << options.error().text;
  EXPECT_EQ(options->scenario, Scenario::kForward);
  EXPECT_EQ(format_address(options->target.address), "127.0.0.1:8001");
  EXPECT_EQ(options->target.transport, Transport::kTcp);
  EXPECT_FALSE(options->open_loop());
  EXPECT_EQ(options->connections, 512U);
  EXPECT_EQ(options->duration_ms, 1500);
  EXPECT_EQ(options->warmup_ms, 0);
  EXPECT_EQ(options->pid, 7);
  EXPECT_EQ(options->cpus, (std::vector<int>{1, 3}));
  EXPECT_EQ(options->command, "echo.x");
  EXPECT_EQ(options->body_bytes, 0U);
}

TEST_F(OptionsTest, RawPingNeedsNoLogin) {
  const auto options = parse({"ping", "--raw", "--target", "tcp://[::1]:9"});
  ASSERT_TRUE(options) << options.error().text;
  EXPECT_EQ(format_address(options->target.address), "[::1]:9");
  EXPECT_EQ(options->duration_ms, 10'000);
  EXPECT_EQ(options->threads, 1U);
}

TEST_F(OptionsTest, TheSecretCanComeFromTheEnvironment) {
  setenv("RINGBENCH_SECRET", "from-env", 1);
  EXPECT_EQ(parse({"ping", "--target", "tcp://127.0.0.1:9"})->secret, "from-env");
  const auto token =
      parse({"ping", "--target", "tcp://127.0.0.1:9", "--connections", "1", "--token", "t"});
  ASSERT_TRUE(token) << token.error().text;
  EXPECT_EQ(token->token, "t");
}

TEST_F(OptionsTest, AWebSocketTargetHasAPath) {
  const auto plain = parse({"ping", "--raw", "--target", "ws://127.0.0.1:8000"});
  ASSERT_TRUE(plain) << plain.error().text;
  EXPECT_EQ(plain->target.transport, Transport::kWebSocket);
  EXPECT_EQ(plain->target.path, "/");
  EXPECT_EQ(plain->target.host, "127.0.0.1:8000");
  const auto path = parse({"ping", "--raw", "--target", "ws://[::1]:8000/chat?v=1"});
  ASSERT_TRUE(path) << path.error().text;
  EXPECT_EQ(path->target.path, "/chat?v=1");
  EXPECT_EQ(format_address(path->target.address), "[::1]:8000");
}

TEST_F(OptionsTest, ARateMakesTheLoopOpenAndSoDoHeartbeats) {
  const auto rate = parse({"ping", "--raw", "--target", "tcp://127.0.0.1:9", "--rate", "2.5"});
  ASSERT_TRUE(rate) << rate.error().text;
  EXPECT_TRUE(rate->open_loop());
  EXPECT_EQ(rate->rate, 2.5);
  const auto idle = parse({"idle", "--raw", "--target", "tcp://127.0.0.1:9", "--heartbeat", "2s"});
  ASSERT_TRUE(idle) << idle.error().text;
  EXPECT_TRUE(idle->open_loop());
  EXPECT_EQ(idle->heartbeat_ms, 2000);
}

TEST_F(OptionsTest, ManyConnectionsTakeThreadsByThemselves) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  const std::string connections = std::to_string(2 * files.rlim_cur + 1);
  const auto many = parse(
      {"idle", "--raw", "--target", "tcp://127.0.0.1:9", "--connections", connections.c_str()});
  ASSERT_TRUE(many) << many.error().text;
  EXPECT_EQ(many->threads, 3U);
}

TEST_F(OptionsTest, AServiceIsPlayedWhereARegistryIsGiven) {
  const auto push = parse({"push", "--target", "tcp://127.0.0.1:9", "--secret", "s",
                           "--registry-file", "services.json", "--body", "1"});
  ASSERT_TRUE(push) << push.error().text;
  EXPECT_TRUE(push->service.play);
  EXPECT_THAT(push->service.names, testing::ElementsAre("login"));
  EXPECT_EQ(push->body_bytes, kPushStampBytes);
  const auto forward = parse({"forward", "--target", "tcp://127.0.0.1:9", "--secret", "s",
                              "--consul", "127.0.0.1:8500", "--command", "shop.buy"});
  ASSERT_TRUE(forward) << forward.error().text;
  EXPECT_THAT(forward->service.names, testing::ElementsAre("login", "shop"));
  const auto talk = parse({"talk", "--target", "tcp://127.0.0.1:9", "--secret", "s"});
  ASSERT_TRUE(talk) << talk.error().text;
  EXPECT_FALSE(talk->service.play);
}

TEST_F(OptionsTest, RefusesWithASentenceThatSaysHowToMendIt) {
  const char* target = "tcp://127.0.0.1:9";
  EXPECT_THAT(refusal({}), HasSubstr("scenario is required"));
  EXPECT_THAT(refusal({"pung", "--target", target}), HasSubstr("scenario"));
  EXPECT_THAT(refusal({"ping", "--raw"}), HasSubstr("--target is required"));
  EXPECT_THAT(refusal({"ping", "--taget", target}), HasSubstr("did you mean --target?"));
  EXPECT_THAT(refusal({"ping", "--raw", "--target", "http://x:1"}), HasSubstr("tcp://HOST:PORT"));
  EXPECT_THAT(refusal({"ping", "--raw", "--target", target, "--tls-resume"}),
              HasSubstr("for targets of tls:// and wss://"));
  EXPECT_THAT(refusal({"ping", "--raw", "--target", "wss://127.0.0.1:9/", "--tls-ca", "/no/file"}),
              HasSubstr("--tls-ca: "));
  EXPECT_THAT(refusal({"ping", "--raw", "--target", "tcp://x"}), HasSubstr("HOST:PORT"));
  EXPECT_THAT(refusal({"ping", "--raw", "--target", "tcp://127.0.0.1:70000"}),
              HasSubstr("HOST:PORT"));
  EXPECT_THAT(refusal({"ping", "--target", target}), HasSubstr("--secret"));
  EXPECT_THAT(refusal({"forward", "--raw", "--target", target}), HasSubstr("leave out --raw"));
  EXPECT_THAT(refusal({"ping", "--token", "t", "--target", target}), HasSubstr("one account"));
  EXPECT_THAT(refusal({"ping", "--raw", "--target", target, "--duration", "5"}),
              HasSubstr("500ms, 10s, 2m or 1h"));
  EXPECT_THAT(refusal({"ping", "--raw", "--target", target, "--duration", "0s"}),
              HasSubstr("--duration"));
  EXPECT_THAT(
      refusal({"ping", "--raw", "--target", target, "--connections", "1000000", "--threads", "1"}),
      HasSubstr("ulimit -n"));
  EXPECT_THAT(
      refusal({"ping", "--raw", "--target", target, "--connections", "2", "--threads", "3"}),
      HasSubstr("--threads"));
  EXPECT_THAT(refusal({"ping", "--raw", "--target", target, "--app", "a\"b"}), HasSubstr("--app"));
  EXPECT_THAT(refusal({"ping", "--raw", "--target", target, "--rate", "5", "--in-flight", "2"}),
              HasSubstr("excludes"));
  for (const char* rate : {"0", "1x", "inf", "-5"}) {
    EXPECT_THAT(refusal({"ping", "--raw", "--target", target, "--rate", rate}),
                HasSubstr("--rate: '" + std::string(rate) + "' is no rate"));
  }
  for (const char* flag : {"--connect-rate", "--pid", "--connections", "--in-flight", "--body",
                           "--threads", "--fanout"}) {
    const std::string sentence = refusal({"ping", "--raw", "--target", target, flag, "-1"});
    EXPECT_THAT(sentence, HasSubstr(flag));
    EXPECT_LT(sentence.size(), 160U) << sentence;
  }
  EXPECT_THAT(refusal({"ping", "--raw", "--target", target, "--json", "-", "--html", "-"}),
              HasSubstr("standard output"));
  EXPECT_THAT(refusal({"ping", "--raw", "--target", target, "--json", "x", "--html", "x"}),
              HasSubstr("the same file"));
  EXPECT_THAT(refusal({"ping", "--raw", "--target", target, "--source", "192.0.2.77"}),
              HasSubstr("addresses of this machine"));
  for (const char* source : {"127.0.0", "127.0.0.9-127.0.0.2", "127.0.0.1,", "::1-::5", "a-b"}) {
    EXPECT_THAT(refusal({"ping", "--raw", "--target", target, "--source", source}),
                HasSubstr("is no address"));
  }
  EXPECT_THAT(refusal({"ping", "--raw", "--target", target, "--source", "::1"}),
              HasSubstr("not both IPv4"));
  EXPECT_THAT(refusal({"push", "--secret", "s", "--target", target, "--registry-file", "f",
                       "--service-thread", "shared"}),
              HasSubstr("--service-thread"));
  EXPECT_THAT(refusal({"idle", "--raw", "--target", target, "--rate", "5"}),
              HasSubstr("--heartbeat"));
  EXPECT_THAT(refusal({"talk", "--secret", "s", "--target", target, "--connections", "3"}),
              HasSubstr("even"));
  EXPECT_THAT(refusal({"push", "--secret", "s", "--target", target}), HasSubstr("--registry-file"));
  EXPECT_THAT(refusal({"push", "--secret", "s", "--target", target, "--registry-file", "f",
                       "--fanout", "100"}),
              HasSubstr("--fanout"));
  EXPECT_THAT(refusal({"mix", "--secret", "s", "--target", target}), HasSubstr("--mix FILE"));
  EXPECT_THAT(refusal({"mix", "--secret", "s", "--target", target, "--mix", "/no/such.yaml"}),
              HasSubstr("/no/such.yaml"));
  EXPECT_THAT(refusal({"login", "--secret", "s", "--target", target, "--in-flight", "2"}),
              HasSubstr("--connections"));
  EXPECT_THAT(refusal({"ping", "--raw", "--target", target, "--fail-if", "p99>20"}),
              HasSubstr("--fail-if"));
}

TEST_F(OptionsTest, NumbersHaveSuffixes) {
  const auto options = parse({"ping", "--raw", "--target", "tcp://127.0.0.1:9", "--rate", "1.5k",
                              "--connections", "2k", "--connect-rate", "10k", "--body", "1k"});
  ASSERT_TRUE(options) << options.error().text;
  EXPECT_EQ(options->rate, 1500);
  EXPECT_EQ(options->connections, 2000U);
  EXPECT_EQ(options->connect_rate, 10'000);
  EXPECT_EQ(options->body_bytes, 1000U);
}

TEST_F(OptionsTest, SourcesAreAddressesAndRanges) {
  const auto sources = [](const char* text) {
    const auto options =
        parse({"ping", "--raw", "--target", "tcp://127.0.0.1:9", "--source", text});
    EXPECT_TRUE(options) << text;
    std::vector<std::string> all;
    if (!options) return all;
    for (const Address& one : options->sources.addresses()) all.push_back(format_address(one));
    return all;
  };
  EXPECT_THAT(sources("127.0.0.9"), testing::ElementsAre("127.0.0.9:0"));
  EXPECT_THAT(sources("127.0.0.9,127.0.1.1-127.0.1.3"),
              testing::ElementsAre("127.0.0.9:0", "127.0.1.1:0", "127.0.1.2:0", "127.0.1.3:0"));
}

TEST_F(OptionsTest, AServiceSharesAThreadWhereNoProcessorIsLeftForIt) {
  const auto own_thread = [](std::vector<const char*> more) {
    more.insert(more.begin(), {"forward", "--target", "tcp://127.0.0.1:9", "--secret", "s",
                               "--registry-file", "f"});
    return parse(more)->service.own_thread;
  };
  EXPECT_TRUE(own_thread({"--service-thread", "own"}));
  EXPECT_FALSE(own_thread({"--service-thread", "shared"}));
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  for (unsigned cpu = 0; CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_FALSE(own_thread({}));
  ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
}

TEST_F(OptionsTest, HelpIsNoError) {
  const auto help = parse({"--help"});
  ASSERT_FALSE(help);
  EXPECT_EQ(help.error().exit_code, 0);
  EXPECT_THAT(help.error().text, HasSubstr("not latency under load"));
  EXPECT_THAT(help.error().text, HasSubstr("a talk's text has at least 32"));
  EXPECT_THAT(help.error().text, HasSubstr("signal cut the run short"));
}

TEST(Duration, NeedsAUnit) {
  EXPECT_EQ(*parse_duration_ms("500ms"), 500);
  EXPECT_EQ(*parse_duration_ms("1.5s"), 1500);
  EXPECT_EQ(*parse_duration_ms("2m"), 120'000);
  for (const char* wrong : {"", "s", "5", "5d", "-1s", "nans", "1e99s", "5 s"}) {
    EXPECT_FALSE(parse_duration_ms(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace ringgate::bench
