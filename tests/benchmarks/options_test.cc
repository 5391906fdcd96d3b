#include "benchmarks/ringbench/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

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
  void SetUp() override { unsetenv("RINGGATE_APPSECRET"); }
  void TearDown() override { unsetenv("RINGGATE_APPSECRET"); }
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
  EXPECT_EQ(options->mode, Mode::kForward);
  EXPECT_EQ(format_address(options->address), "127.0.0.1:8001");
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
  EXPECT_EQ(format_address(options->address), "[::1]:9");
  EXPECT_EQ(options->duration_ms, 5000);
}

TEST_F(OptionsTest, TheSecretCanComeFromTheEnvironment) {
  setenv("RINGGATE_APPSECRET", "from-env", 1);
  EXPECT_EQ(parse({"ping", "--target", "tcp://127.0.0.1:9"})->secret, "from-env");
  const auto token =
      parse({"ping", "--target", "tcp://127.0.0.1:9", "--connections", "1", "--token", "t"});
  ASSERT_TRUE(token) << token.error().text;
  EXPECT_EQ(token->token, "t");
}

TEST_F(OptionsTest, RefusesWithASentenceThatSaysHowToMendIt) {
  const char* target = "tcp://127.0.0.1:9";
  EXPECT_THAT(refusal({}), HasSubstr("mode is required"));
  EXPECT_THAT(refusal({"push", "--target", target}), HasSubstr("mode"));
  EXPECT_THAT(refusal({"ping", "--raw"}), HasSubstr("--target is required"));
  EXPECT_THAT(refusal({"ping", "--raw", "--target", "ws://x:1"}), HasSubstr("tcp://HOST:PORT"));
  EXPECT_THAT(refusal({"ping", "--raw", "--target", "tcp://x"}), HasSubstr("HOST:PORT"));
  EXPECT_THAT(refusal({"ping", "--raw", "--target", "tcp://127.0.0.1:70000"}),
              HasSubstr("HOST:PORT"));
  EXPECT_THAT(refusal({"ping", "--target", target}), HasSubstr("--secret"));
  EXPECT_THAT(refusal({"forward", "--raw", "--target", target}), HasSubstr("leave out --raw"));
  EXPECT_THAT(refusal({"ping", "--token", "t", "--target", target}), HasSubstr("one account"));
  EXPECT_THAT(refusal({"ping", "--raw", "--target", target, "--duration", "5"}),
              HasSubstr("500ms, 5s or 2m"));
  EXPECT_THAT(refusal({"ping", "--raw", "--target", target, "--connections", "1000000"}),
              HasSubstr("ulimit -n"));
  EXPECT_THAT(
      refusal({"ping", "--raw", "--target", target, "--connections", "2", "--threads", "3"}),
      HasSubstr("--threads"));
  EXPECT_THAT(refusal({"ping", "--raw", "--target", target, "--app", "a\"b"}), HasSubstr("--app"));
}

TEST_F(OptionsTest, HelpIsNoError) {
  const auto help = parse({"--help"});
  ASSERT_FALSE(help);
  EXPECT_EQ(help.error().exit_code, 0);
  EXPECT_THAT(help.error().text, HasSubstr("not latency under load"));
}

TEST(Duration, NeedsAUnit) {
  EXPECT_EQ(*parse_duration_ms("500ms"), 500);
  EXPECT_EQ(*parse_duration_ms("1.5s"), 1500);
  EXPECT_EQ(*parse_duration_ms("2m"), 120'000);
  for (const char* wrong : {"", "s", "5", "5h", "-1s", "nans", "1e99s", "5 s"}) {
    EXPECT_FALSE(parse_duration_ms(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace ringgate::bench
