#include "codec/ws_utf8.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "codec/utf8.h"
#include "tests/codec/hex.h"

namespace ringgate {
namespace {

bool valid_in_two(std::string_view text, std::size_t cut) {
  Utf8Validator validator;
  return validator.push(as_bytes(text.substr(0, cut))) &&
         validator.push(as_bytes(text.substr(cut))) && validator.complete();
}

// Can anything that follows make it valid? Asked of simdjson with every shape of an end.
bool can_go_on(const std::string& text) {
  if (is_utf8(text)) return true;
  for (const std::string_view first : {"\x80", "\x90", "\xa0"}) {
    for (const std::string_view rest : {"", "\x80", "\x80\x80"}) {
      std::string whole = text;
      whole.append(first).append(rest);
      if (is_utf8(whole)) return true;
    }
  }
  return false;
}

void expect_same_judgement(const std::string& text) {
  const bool valid = is_utf8(text);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    ASSERT_EQ(valid_in_two(text, cut), valid) << ::testing::PrintToString(text) << " at " << cut;
  }
  Utf8Validator validator;
  for (std::size_t size = 1; size <= text.size(); ++size) {
    const bool fine = validator.push(as_bytes(text).subspan(size - 1, 1));
    const std::string prefix = text.substr(0, size);
    ASSERT_EQ(fine, can_go_on(prefix)) << ::testing::PrintToString(prefix);
    ASSERT_EQ(validator.complete(), is_utf8(prefix)) << ::testing::PrintToString(prefix);
  }
}

TEST(WsUtf8, EveryLeadAndSecondByte) {
  for (unsigned lead = 0; lead < 256; ++lead) {
    for (unsigned second = 0; second < 256; ++second) {
      std::string text = {static_cast<char>(lead), static_cast<char>(second)};
      expect_same_judgement(text);
      expect_same_judgement(text + "\x80");
      expect_same_judgement(text + "\x80\x80");
    }
  }
}

TEST(WsUtf8, RandomTextsInEverySplit) {
  // Parts that make valid, nearly valid and hopeless texts alike.
  const std::vector<std::string> parts = {
      "a",        "0123456789",   "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xef\xbf\xbf",
      "\xed\x9f", "\xf4\x8f\xbf", "\xc0",     "\x80",         "\xed\xa0",         "\xf4\x90",
      "\xff",     "\xe0\x9f",     "\xf0\x8f", "\xf5"};
  std::mt19937 random(3);
  std::size_t valid = 0;
  for (int round = 0; round < 3'000; ++round) {
    std::string text;
    const std::size_t kinds = round % 2 == 0 ? 6 : parts.size();
    for (std::size_t n = random() % 9; n > 0; --n) text += parts[random() % kinds];
    valid += is_utf8(text);
    expect_same_judgement(text);
  }
  EXPECT_GT(valid, 1'000U);
}

TEST(WsUtf8, RandomBytes) {
  std::mt19937 random(5);
  for (int round = 0; round < 3'000; ++round) {
    std::string text(random() % 20, ' ');
    for (char& c : text) c = static_cast<char>(random());
    expect_same_judgement(text);
  }
}

TEST(WsUtf8, AsciiOfEveryLengthThenSomethingElse) {
  for (std::size_t size = 0; size < 40; ++size) {
    expect_same_judgement(std::string(size, 'a') + "\xe2\x82\xac");
    expect_same_judgement(std::string(size, 'a') + "\xff" + "aaaaaaaaaaaa");
  }
}

TEST(WsUtf8, StaysRejectedUntilReset) {
  Utf8Validator validator;
  EXPECT_FALSE(validator.push(hex("ff")));
  EXPECT_FALSE(validator.push(hex("61")));
  EXPECT_FALSE(validator.push({}));
  EXPECT_FALSE(validator.complete());
  validator.reset();
  EXPECT_TRUE(validator.push(hex("61")));
  EXPECT_TRUE(validator.complete());
}

}  // namespace
}  // namespace ringgate
