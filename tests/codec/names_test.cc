#include "codec/names.h"

#include <gtest/gtest.h>

#include <string>

namespace ringgate {
namespace {

using namespace std::string_literals;

TEST(Names, WhatANameMayBe) {
  for (const std::string& good : {"alice"s, "a"s, "d'Artagnan 3"s, "J\xC3\xBCrgen"s,
                                  "\xE6\x9D\x8E\xE9\x9B\xB7"s, "a_b-c.d:e"s}) {
    EXPECT_TRUE(is_valid_account(good)) << good;
    EXPECT_TRUE(is_valid_app(good)) << good;
    EXPECT_TRUE(is_valid_foreign_id(good)) << good;
    EXPECT_TRUE(is_valid_label(good)) << good;
  }
}

TEST(Names, WhatAKeyCouldBeTornBy) {
  for (const std::string& bad : {"shop,bob"s, ","s, "a,"s, ",a"s}) {
    EXPECT_FALSE(is_valid_account(bad)) << bad;
    EXPECT_FALSE(is_valid_app(bad)) << bad;
    EXPECT_FALSE(is_valid_foreign_id(bad)) << bad;
    EXPECT_TRUE(is_valid_label(bad)) << "it is no part of a key";
  }
}

TEST(Names, WhatIsNoText) {
  for (const std::string& bad : {"a\nb"s, "\0"s, "a\x7F"s, "\xC2\x80"s, "a\xC2\x9F"s, "\xFF"s,
                                 "\xC2"s, "\xED\xA0\x80"s, "\x1B[2J"s}) {
    EXPECT_FALSE(is_valid_account(bad));
    EXPECT_FALSE(is_valid_app(bad));
    EXPECT_FALSE(is_valid_foreign_id(bad));
    EXPECT_FALSE(is_valid_label(bad));
  }
}

TEST(Names, Lengths) {
  const auto check = [](bool (*is_valid)(std::string_view) noexcept, std::size_t most) {
    EXPECT_TRUE(is_valid(std::string(most, 'a')));
    EXPECT_FALSE(is_valid(std::string(most + 1, 'a')));
  };
  check(is_valid_account, kMaxAccountBytes);
  check(is_valid_app, kMaxAppBytes);
  check(is_valid_foreign_id, kMaxForeignIdBytes);
  check(is_valid_label, kMaxLabelBytes);
  EXPECT_FALSE(is_valid_account(""));
  EXPECT_FALSE(is_valid_app(""));
  EXPECT_FALSE(is_valid_foreign_id(""));
  EXPECT_TRUE(is_valid_label(""));
}

}  // namespace
}  // namespace ringgate
