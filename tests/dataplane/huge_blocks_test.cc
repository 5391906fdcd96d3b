// Blocks with a mapping of their own, by themselves and as a pool has them.
#include "dataplane/huge_blocks.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "dataplane/block_pool.h"

namespace ringgate {
namespace {

constexpr std::uint32_t kIdleTrims = 10;
constexpr std::size_t kBytes = 300 * 1024;

bool is_mapped(const std::uint8_t* page) {
  return msync(const_cast<std::uint8_t*>(page), 1, MS_ASYNC) == 0 || errno != ENOMEM;
}

TEST(HugeBlocks, AreKeptForWhoeverAsksForAsMuchAndThenUnmapped) {
  HugeBlocks blocks;
  std::uint8_t* const block = blocks.take(kBytes);
  std::memset(block, 0xAB, kBytes);
  EXPECT_EQ(blocks.reserved_bytes(), kBytes);
  blocks.give(block, kBytes);
  EXPECT_EQ(blocks.reserved_bytes(), kBytes);
  std::uint8_t* const other = blocks.take(2 * kBytes);
  EXPECT_NE(other, block);
  EXPECT_EQ(blocks.take(kBytes), block);
  blocks.give(block, kBytes);
  for (std::uint32_t i = 0; i < kIdleTrims; ++i) blocks.trim(kIdleTrims);
  EXPECT_TRUE(is_mapped(block));
  blocks.trim(kIdleTrims);
  EXPECT_FALSE(is_mapped(block));
  EXPECT_EQ(blocks.reserved_bytes(), 2 * kBytes);
  blocks.give(other, 2 * kBytes);
}

TEST(HugeBlocks, GoBackAFewAtATime) {
  constexpr std::size_t kHalf = HugeBlocks::kMostUnmappedBytes / 2;
  HugeBlocks blocks;
  std::array<std::uint8_t*, 5> all{};
  for (std::uint8_t*& one : all) one = blocks.take(kHalf);
  for (std::uint8_t* const one : all) blocks.give(one, kHalf);
  for (const std::size_t left : {3U, 1U, 0U}) {
    blocks.trim(0);
    EXPECT_EQ(blocks.reserved_bytes(), left * kHalf);
  }
}

TEST(HugeBlocks, OfMoreThanIsKeptGoBackAtOnce) {
  constexpr std::size_t kMore = HugeBlocks::kMaxKeptBytes + 1;
  HugeBlocks blocks;
  std::uint8_t* const block = blocks.take(kMore);
  block[kMore - 1] = 1;
  blocks.give(block, kMore);
  EXPECT_EQ(blocks.reserved_bytes(), 0U);
  EXPECT_FALSE(is_mapped(block));
}

TEST(HugeBlocks, ThatAreKeptEndWithTheirOwner) {
  std::uint8_t* block = nullptr;
  {
    HugeBlocks blocks;
    block = blocks.take(kBytes);
    blocks.give(block, kBytes);
    EXPECT_TRUE(is_mapped(block));
  }
  EXPECT_FALSE(is_mapped(block));
}

TEST(HugeBlocks, OfAPoolCountAsItsOwnAndGoBackWithItsTrims) {
  BlockPool pool;
  const Block block = pool.take(BlockPool::kMaxPooledBytes + 1);
  EXPECT_EQ(pool.reserved_bytes(), block.capacity);
  EXPECT_EQ(pool.used_bytes(), block.capacity);
  pool.give(block);
  EXPECT_EQ(pool.used_bytes(), 0U);
  EXPECT_EQ(pool.take(BlockPool::kMaxPooledBytes + 2).data, block.data) << "of the same class";
  pool.give(block);
  for (std::uint32_t i = 0; i < BlockPool::kIdleTrims; ++i) pool.trim();
  EXPECT_EQ(pool.reserved_bytes(), block.capacity);
  pool.trim();
  EXPECT_EQ(pool.reserved_bytes(), 0U);
}

}  // namespace
}  // namespace ringgate
