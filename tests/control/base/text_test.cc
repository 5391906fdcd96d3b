#include "control/base/text.h"

#include <gtest/gtest.h>

#include "control/observe/log_level.h"

namespace ringgate {
namespace {

using namespace std::chrono_literals;

TEST(ConfigValues, Sizes) {
  EXPECT_EQ(parse_size("4096"), 4096U);
  EXPECT_EQ(parse_size("64KiB"), 65536U);
  EXPECT_EQ(parse_size("64 kib"), 65536U);
  EXPECT_EQ(parse_size("16MiB"), 16U << 20);
  EXPECT_EQ(parse_size("1GiB"), 1U << 30);
  EXPECT_EQ(parse_size("0"), 0U);
  for (const char* text : {"", "KiB", "64KB", "-1", "1.5MiB", "99999999999999999999",
                           "18446744073709551615KiB", "0x10"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

TEST(ConfigValues, Durations) {
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("10s"), 10s);
  EXPECT_EQ(parse_duration("2m"), 2min);
  EXPECT_EQ(parse_duration("48h"), 48h);
  EXPECT_EQ(parse_duration("1m30s"), 90s);
  EXPECT_EQ(parse_duration("0"), 0ms);
  EXPECT_EQ(parse_duration("0s"), 0ms);
  for (const char* text : {"", "10", "s", "10 s", "1d", "-1s", "1.5s", "10s5", "99999999999999999h",
                           "9223372036854775807ms1ms", "18446744073709551615ms"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(ConfigValues, FormatsParseBack) {
  for (const std::uint64_t size : {0ULL, 1ULL, 1023ULL, 1024ULL, 1536ULL, 65536ULL, 1ULL << 24}) {
    EXPECT_EQ(parse_size(format_size(size)), size);
  }
  for (const auto time : {0ms, 1ms, 999ms, 1000ms, 90'000ms, 120'000ms, 3'600'000ms}) {
    EXPECT_EQ(parse_duration(format_duration(time)), time);
  }
  EXPECT_EQ(format_size(65536), "64KiB");
  EXPECT_EQ(format_duration(120'000ms), "2m");
}

TEST(ConfigValues, ShortTimes) {
  EXPECT_EQ(parse_microseconds("300us"), 300us);
  EXPECT_EQ(parse_microseconds("2ms"), 2ms);
  EXPECT_EQ(parse_microseconds("1s"), 1s);
  EXPECT_EQ(parse_microseconds("0"), 0us);
  for (const char* text : {"", "us", "300", "-1us", "1.5us", "1ms300us", "300 us",
                           "1000000000001us", "99999999999999999999us", "300h"}) {
    EXPECT_FALSE(parse_microseconds(text)) << text;
  }
  for (const auto time : {0us, 1us, 999us, 1000us, 1500us, 2'000'000us}) {
    EXPECT_EQ(parse_microseconds(format_microseconds(time)), time);
  }
  EXPECT_EQ(format_microseconds(500us), "500us");
  EXPECT_EQ(format_microseconds(1000us), "1ms");
}

TEST(ConfigValues, Words) {
  EXPECT_EQ(trim("  a b\r\n"), "a b");
  EXPECT_EQ(trim(" \t"), "");
  EXPECT_EQ(split_commas(" a, b ,,c,"), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(split_commas("").empty());
  EXPECT_EQ(parse_switch("Yes"), true);
  EXPECT_EQ(parse_switch("off"), false);
  EXPECT_FALSE(parse_switch("1"));
  EXPECT_EQ(parse_number("18446744073709551615"), ~0ULL);
  EXPECT_FALSE(parse_number("18446744073709551616"));
  EXPECT_FALSE(parse_number(" 1"));
  EXPECT_EQ(lower_case("ServiceID"), "serviceid");
}

TEST(ConfigValues, EditDistance) {
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("same", "same"), 0U);
}

TEST(LogLevelNames, ParseAnyCaseAndPrintBack) {
  EXPECT_EQ(parse_log_level("INFO"), LogLevel::kInfo);
  EXPECT_EQ(parse_log_level("Warning"), LogLevel::kWarn);
  EXPECT_EQ(parse_log_level("err"), LogLevel::kError);
  EXPECT_FALSE(parse_log_level("loud"));
  for (int i = 0; i <= 6; ++i) {
    const auto level = static_cast<LogLevel>(i);
    EXPECT_EQ(parse_log_level(log_level_name(level)), level);
  }
}

TEST(Text, OfOthersHasNoControlCharacters) {
  EXPECT_EQ(printable("plain \xc3\xa9 \xe7\x8e\x8b \xf0\x9f\x98\x80"),
            "plain \xc3\xa9 \xe7\x8e\x8b \xf0\x9f\x98\x80");
  EXPECT_EQ(printable("\x1b[2J\n"), "\\x1b[2J\\x0a");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b") << "the one-character CSI";
  EXPECT_EQ(printable("\xff\xe7\x8e"), "\\xff\\xe7\\x8e");
  EXPECT_EQ(printable("a\xe2\x80\xa8"
                      "b"),
            "a\\xe2\\x80\\xa8b")
      << "U+2028, a line's end";
  EXPECT_EQ(printable("\xe2\x80\xae"), "\\xe2\\x80\\xae") << "U+202E, from right to left";
  EXPECT_EQ(printable("\xe2\x81\xa6"), "\\xe2\\x81\\xa6") << "U+2066";
  EXPECT_EQ(printable("\xe2\x80\x93\xe2\x80\x8d"), "\xe2\x80\x93\xe2\x80\x8d")
      << "a dash, a joiner";
}

}  // namespace
}  // namespace ringgate
