#include "codec/unmask.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/codec/hex.h"

namespace ringgate {
namespace {

constexpr std::size_t kMaxBytes = 300;
constexpr std::size_t kAlignments = 40;  // more than a vector
constexpr std::uint8_t kGuard = 0xa5;

using Unmask = void (*)(MutableBytes, WsMaskKey, std::size_t);

void unmask_best(MutableBytes bytes, WsMaskKey key, std::size_t offset) {
  unmask(bytes, key, offset);
}

// Every length, alignment and place in the key, against the definition; guards stay what they are.
void expect_masks_right(Unmask function) {
  std::mt19937 random(7);
  Bytes source(kMaxBytes);
  for (std::uint8_t& byte : source) byte = static_cast<std::uint8_t>(random());
  const WsMaskKey key = {0x37, 0xfa, 0x21, 0x3d};
  std::size_t wrong = 0;
  for (std::size_t size = 0; size <= kMaxBytes; ++size) {
    for (std::size_t alignment = 0; alignment < kAlignments; ++alignment) {
      for (std::size_t offset = 0; offset < 9; ++offset) {
        Bytes expected(alignment + size + kAlignments, kGuard);
        Bytes masked = expected;
        for (std::size_t i = 0; i < size; ++i) {
          masked[alignment + i] = source[i];
          expected[alignment + i] = source[i] ^ key[(offset + i) % 4];
        }
        function(MutableBytes(masked).subspan(alignment, size), key, offset);
        wrong += masked != expected;
      }
    }
  }
  EXPECT_EQ(wrong, 0U);
}

TEST(Unmask, ScalarIsTheDefinition) {
  expect_masks_right(unmask_scalar);
}

TEST(Unmask, Avx2IsTheDefinition) {
  if (!can_unmask_avx2()) GTEST_SKIP() << "this processor has no AVX2";
  expect_masks_right(unmask_avx2);
}

TEST(Unmask, ChosenIsTheDefinition) {
  expect_masks_right(unmask_best);
}

TEST(Unmask, LargeOffsetsOnlyCountModuloFour) {
  Bytes near = hex("0011223344556677 8899");
  Bytes far = near;
  unmask(near, {1, 2, 3, 4}, 3);
  unmask(far, {1, 2, 3, 4}, (std::size_t{1} << 40U) + 3);
  EXPECT_EQ(near, far);
}

TEST(Unmask, TwinsAgreeOnLargePayloadsAndRandomKeys) {
  if (!can_unmask_avx2()) GTEST_SKIP() << "this processor has no AVX2";
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    Bytes scalar(random() % 70'000);
    for (std::uint8_t& byte : scalar) byte = static_cast<std::uint8_t>(random());
    Bytes vector = scalar;
    WsMaskKey key;
    for (std::uint8_t& byte : key) byte = static_cast<std::uint8_t>(random());
    const std::size_t offset = random() % 16;
    unmask_scalar(scalar, key, offset);
    unmask_avx2(vector, key, offset);
    ASSERT_EQ(scalar, vector) << "round " << round;
  }
}

TEST(Unmask, PartsAreTheWhole) {
  Bytes whole(kMaxBytes);
  std::mt19937 random(13);
  for (std::uint8_t& byte : whole) byte = static_cast<std::uint8_t>(random());
  const WsMaskKey key = {9, 8, 7, 6};
  Bytes expected = whole;
  unmask(expected, key);
  for (std::size_t cut = 0; cut <= kMaxBytes; ++cut) {
    Bytes parts = whole;
    unmask(MutableBytes(parts).first(cut), key);
    unmask(MutableBytes(parts).subspan(cut), key, cut);
    ASSERT_EQ(parts, expected) << cut;
  }
}

}  // namespace
}  // namespace ringgate
