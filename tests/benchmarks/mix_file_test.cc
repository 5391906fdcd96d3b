#include "benchmarks/ringbench/mix_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringgate::bench {
namespace {

using testing::HasSubstr;

TEST(MixFile, ReadsEveryField) {
  const auto mix = parse_mix(
      "# what our users do\n"
      "- {do: ping, share: 60}\n"
      "- {do: talk, share: 30, think: 1s..5s, body: 32..256}\n"
      "- do: forward\n"
      "  body: 128\n"
      "  think: 250ms\n");
  ASSERT_TRUE(mix) << mix.error().message;
  ASSERT_EQ(mix->size(), 3U);
  EXPECT_EQ((*mix)[0].action, Action::kPing);
  EXPECT_EQ((*mix)[0].share, 60);
  EXPECT_EQ((*mix)[0].think_max_ms, 0);
  EXPECT_EQ((*mix)[1].action, Action::kTalk);
  EXPECT_EQ((*mix)[1].think_min_ms, 1000);
  EXPECT_EQ((*mix)[1].think_max_ms, 5000);
  EXPECT_EQ((*mix)[1].body_min_bytes, 32U);
  EXPECT_EQ((*mix)[1].body_max_bytes, 256U);
  EXPECT_EQ((*mix)[2].action, Action::kForward);
  EXPECT_EQ((*mix)[2].share, 1);
  EXPECT_EQ((*mix)[2].body_min_bytes, 128U);
  EXPECT_EQ((*mix)[2].body_max_bytes, 128U);
  EXPECT_EQ((*mix)[2].think_min_ms, 250);
}

struct Bad {
  const char* yaml;
  const char* says;
};
class BadMix : public testing::TestWithParam<Bad> {};

TEST_P(BadMix, IsRefusedWithTheLine) {
  const auto mix = parse_mix(GetParam().yaml);
  ASSERT_FALSE(mix);
  EXPECT_THAT(mix.error().message, HasSubstr(GetParam().says));
  EXPECT_EQ(mix.error().exit_code, 2);
}

INSTANTIATE_TEST_SUITE_P(
    All, BadMix,
    testing::Values(Bad{"", "list of steps"}, Bad{"do: ping", "list of steps"},
                    Bad{"- ping", "line 1: a step is written like"},
                    Bad{"- {share: 1}", "needs `do`"},
                    Bad{"- {do: ping}\n- {do: sing}", "line 2: cannot do 'sing'"},
                    Bad{"- {do: ping, share: 0}", "above 0"},
                    Bad{"- {do: ping, share: nan}", "above 0"},
                    Bad{"- {do: ping, share: much}", "'share' cannot be read"},
                    Bad{"- {do: ping, think: 5}", "is no duration"},
                    Bad{"- {do: ping, think: 5s..1s}", "shorter think time"},
                    Bad{"- {do: talk, body: 10..5}", "smaller body"},
                    Bad{"- {do: talk, body: -1}", "no number of bytes"},
                    Bad{"- {do: talk, body: [1, 2]}", "'body' has one value"},
                    Bad{"- do: talk\n  body: 5\n  body: 6", "line 3: 'body' is there twice"},
                    Bad{"- {do: talk, size: 5}", "unknown key 'size'"}, Bad{"- {do: talk", "line"},
                    Bad{"- {[do]: talk}", "line 1: a key has to be"}));

}  // namespace
}  // namespace ringgate::bench
