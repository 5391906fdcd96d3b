#include "benchmarks/ringbench/number_flag.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringgate::bench {
namespace {

using testing::HasSubstr;

constexpr NumberFlag kRate{
    .least = 0, .most = 100e6, .whole = false, .above = true, .what = "rate"};
constexpr NumberFlag kCount{.least = 1, .most = 10e6};

TEST(NumberFlag, TakesSuffixes) {
  EXPECT_EQ(*parse_number("250", kRate), 250);
  EXPECT_EQ(*parse_number("2.5", kRate), 2.5);
  EXPECT_EQ(*parse_number("1k", kRate), 1000);
  EXPECT_EQ(*parse_number("1.1k", kRate), 1100);
  EXPECT_EQ(*parse_number("10K", kCount), 10'000);
  EXPECT_EQ(*parse_number("1M", kCount), 1'000'000);
  EXPECT_EQ(*parse_number("2.5k", kCount), 2500);
}

TEST(NumberFlag, RefusesEverythingElseWithAShortSentence) {
  for (const char* wrong : {"", "0", "-1", "+1", "inf", "nan", "1e3", "1kk", "1 k", "k", "0x10",
                            "1,000", "1G", "101M", "99999999999999999999999999"}) {
    const auto number = parse_number(wrong, kRate);
    ASSERT_FALSE(number) << wrong;
    EXPECT_EQ(number.error().exit_code, 2);
    EXPECT_THAT(number.error().message, HasSubstr("above 0 up to 100M, for example 250, 10k"));
    EXPECT_LT(number.error().message.size(), 120U) << number.error().message;
  }
  EXPECT_FALSE(parse_number("2.5", kCount));
  EXPECT_THAT(parse_number("0", kCount).error().message, HasSubstr("from 1 up to 10M"));
}

TEST(NumberFlag, DigitsAreWhatWasMeant) {
  EXPECT_EQ(plain_digits(1e6, kCount), "1000000");
  EXPECT_EQ(plain_digits(1e7, kRate), "10000000");
  EXPECT_EQ(plain_digits(0.25, kRate), "0.25");
}

}  // namespace
}  // namespace ringgate::bench
