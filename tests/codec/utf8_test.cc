#include "codec/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace ringgate {
namespace {

std::string encode(char32_t point) {
  const auto unit = [](char32_t bits) {
    return static_cast<char>(static_cast<unsigned char>(bits));
  };
  if (point < 0x80) return {unit(point)};
  if (point < 0x800) return {unit(0xc0U | point >> 6U), unit(0x80U | (point & 0x3fU))};
  if (point < 0x10000) {
    return {unit(0xe0U | point >> 12U), unit(0x80U | (point >> 6U & 0x3fU)),
            unit(0x80U | (point & 0x3fU))};
  }
  return {unit(0xf0U | point >> 18U), unit(0x80U | (point >> 12U & 0x3fU)),
          unit(0x80U | (point >> 6U & 0x3fU)), unit(0x80U | (point & 0x3fU))};
}

TEST(Utf8, EveryCodePoint) {
  for (char32_t point = 0; point < 0x110000; ++point) {
    const bool surrogate = point >= 0xd800 && point < 0xe000;
    ASSERT_EQ(is_utf8(encode(point)), !surrogate) << static_cast<std::uint32_t>(point);
  }
  EXPECT_FALSE(is_utf8(encode(0x110000)));
}

TEST(Utf8, HighByteAnywhereIsSeen) {
  for (std::size_t size = 1; size < 40; ++size) {
    EXPECT_TRUE(is_ascii(std::string(size, 'a')));
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, '\x7f');
      text[at] = '\x80';
      EXPECT_FALSE(is_ascii(text)) << size << ' ' << at;
      EXPECT_FALSE(is_utf8(text)) << size << ' ' << at;
    }
  }
}

TEST(Utf8, CutCharactersAreRefused) {
  for (const char32_t point : {U'\u00e9', U'\u20ac', U'\U0001f600'}) {
    const std::string whole = "some ascii before " + encode(point);
    EXPECT_TRUE(is_utf8(whole));
    for (std::size_t cut = 1; cut < encode(point).size(); ++cut) {
      EXPECT_FALSE(is_utf8(std::string_view(whole).substr(0, whole.size() - cut)));
    }
  }
}

TEST(Utf8, EmptyIsValid) {
  EXPECT_TRUE(is_utf8({}));
}

}  // namespace
}  // namespace ringgate
