#include "dataplane/block_pool.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "tests/dataplane/seeded.h"

namespace ringgate {
namespace {

using test::Random;

TEST(BlockPool, EverySizeFitsAndWastesAtMostAQuarter) {
  BlockPool pool;
  for (std::size_t bytes = 1; bytes <= 300'000; bytes += bytes < 5000 ? 1 : 37) {
    const Block block = pool.take(bytes);
    ASSERT_NE(block.data, nullptr);
    ASSERT_GE(block.capacity, bytes);
    ASSERT_LE(block.capacity, std::max(bytes + bytes / 4 + 16, BlockPool::kMinBlockBytes));
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block.data) % 16, 0U) << bytes;
    ASSERT_EQ(pool.used_bytes(), block.capacity);
    std::memset(block.data, 0xAB, block.capacity);
    pool.give(block);
    ASSERT_EQ(pool.used_bytes(), 0U);
  }
}

TEST(BlockPool, EveryClassBoundaryFits) {
  BlockPool pool;
  for (std::size_t power = 64; power <= BlockPool::kMaxPooledBytes; power *= 2) {
    for (std::size_t quarter = 0; quarter < 4; ++quarter) {
      const std::size_t edge = power + power / 4 * quarter;
      for (const std::size_t bytes : {edge - 1, edge, edge + 1}) {
        const Block block = pool.take(bytes);
        ASSERT_GE(block.capacity, bytes);
        if (bytes == edge && bytes <= BlockPool::kMaxPooledBytes) {
          ASSERT_EQ(block.capacity, bytes);
        }
        pool.give(block);
      }
    }
  }
}

TEST(BlockPool, AFreedBlockIsTheNextOfItsClass) {
  BlockPool pool;
  const Block first = pool.take(100);
  pool.give(first);
  const std::size_t reserved = pool.reserved_bytes();
  const Block again = pool.take(97);  // the same class
  EXPECT_EQ(again.data, first.data);
  EXPECT_EQ(pool.reserved_bytes(), reserved);
  pool.give(again);
}

#if !defined(__SANITIZE_ADDRESS__)
// By the flags of the mapping that an address is in (proc(5): dd is "do not dump").
bool is_left_out_of_dumps(const void* address) {
  const auto place = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps("/proc/self/smaps");
  bool here = false;
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin = 0;
    unsigned long end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) {
      here = begin <= place && place < end;
    } else if (here && line.starts_with("VmFlags:")) {
      return (line + " ").contains(" dd ");
    }
  }
  ADD_FAILURE() << "no mapping has " << address;
  return false;
}

// Traffic secrets of TLS lie in such blocks.
TEST(BlockPool, IsInNoCoreFile) {
  BlockPool pool;
  for (int i = 0; i < 3'000; ++i) {
    const Block block = pool.take(256);
    if (i % 100 != 0) continue;
    EXPECT_TRUE(is_left_out_of_dumps(block.data)) << i;
    EXPECT_TRUE(is_left_out_of_dumps(block.data + block.capacity - 1)) << i;
  }
  const Block huge = pool.take(2 * BlockPool::kMaxPooledBytes);
  EXPECT_TRUE(is_left_out_of_dumps(huge.data));
  EXPECT_TRUE(is_left_out_of_dumps(huge.data + huge.capacity - 1));
  static const int elsewhere = 1;
  EXPECT_FALSE(is_left_out_of_dumps(&elsewhere));
}

// Of this process, by the page tables (proc(5)).
std::size_t anonymous_kib() {
  std::ifstream rollup("/proc/self/smaps_rollup");
  for (std::string line; std::getline(rollup, line);) {
    unsigned long kib = 0;
    if (std::sscanf(line.c_str(), "Anonymous: %lu kB", &kib) == 1) return kib;
  }
  ADD_FAILURE() << "/proc/self/smaps_rollup does not tell";
  return 0;
}

// malloc keeps two pages beside each piece: 8 KiB of every MiB that a burst took.
TEST(BlockPool, LeavesNoPagesBesideItsArenas) {
  constexpr std::size_t kArenas = 100;
  BlockPool pool;
  std::vector<Block> blocks(kArenas * BlockPool::kArenaBytes / BlockPool::kMaxPooledBytes);
  const std::size_t before = anonymous_kib();
  for (Block& block : blocks) {
    block = pool.take(BlockPool::kMaxPooledBytes);
    std::memset(block.data, 0xAB, block.capacity);
  }
  EXPECT_GE(anonymous_kib(), before + kArenas * 1024);
  for (const Block& block : blocks) pool.give(block);
  const std::size_t rounds = blocks.size() / BlockPool::kMostTrimmed + 1;
  for (std::size_t i = 0; i < BlockPool::kIdleTrims + rounds; ++i) pool.trim();
  EXPECT_EQ(pool.reserved_bytes(), 0U);
  EXPECT_LE(anonymous_kib(), before + 2 * kArenas);
}

std::size_t mapped_pages() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages;
}

// Else a burst's address space would be this pool's for ever, and nobody else's. What is left is of
// arenas that are not all carved yet.
TEST(BlockPool, UnmapsArenasNoneOfWhichIsInUse) {
  constexpr std::size_t kArenas = 60;
  for (const std::size_t bytes : {std::size_t{3000}, BlockPool::kMaxPooledBytes / 8}) {
    BlockPool pool;
    std::vector<Block> blocks(kArenas * BlockPool::kArenaBytes / bytes);
    const std::size_t before = mapped_pages();
    for (Block& block : blocks) {
      block = pool.take(bytes);
      std::memset(block.data, 0xAB, block.capacity);
    }
    EXPECT_GE(mapped_pages(), before + (kArenas - 5) * BlockPool::kArenaBytes / 4096);
    for (const Block& block : blocks) pool.give(block);
    for (std::size_t i = 0; i < BlockPool::kIdleTrims; ++i) pool.trim();
    EXPECT_GE(mapped_pages(), before + (kArenas - 5) * BlockPool::kArenaBytes / 4096) << "idle?";
    for (std::size_t i = 0; i < 10; ++i) pool.trim();
    EXPECT_EQ(pool.reserved_bytes(), 0U);
    EXPECT_LE(mapped_pages(), before + 5 * BlockPool::kArenaBytes / 4096) << bytes;
  }
}
#endif

struct Taken {
  Block block;
  std::uint8_t mark;
};

void expect_untouched(const Taken& taken) {
  const std::span<const std::uint8_t> bytes(taken.block.data, taken.block.capacity);
  ASSERT_TRUE(std::ranges::all_of(bytes, [&](std::uint8_t byte) { return byte == taken.mark; }));
}

TEST(BlockPool, BlocksNeverOverlapAndMemoryIsReused) {
  test::for_each_seed(20, [](std::uint64_t seed) {
    Random random(seed);
    BlockPool pool;
    std::vector<Taken> taken;
    std::size_t used = 0;
    for (int step = 0; step < 2000; ++step) {
      if (taken.size() < 50 && !random.one_in(3)) {
        const Block block = pool.take(random.between(1, random.one_in(20) ? 700'000 : 3000));
        const std::uint8_t mark = random.byte();
        std::memset(block.data, mark, block.capacity);
        taken.push_back({block, mark});
        used += block.capacity;
      } else if (!taken.empty()) {
        const std::size_t which = random.below(taken.size());
        expect_untouched(taken[which]);
        pool.give(taken[which].block);
        used -= taken[which].block.capacity;
        taken[which] = taken.back();
        taken.pop_back();
      }
      if (random.one_in(10)) pool.trim();
      ASSERT_EQ(pool.used_bytes(), used);
      ASSERT_LE(used, pool.reserved_bytes());
    }
    for (const Taken& one : taken) pool.give(one.block);
    EXPECT_EQ(pool.used_bytes(), 0U);
  });
}

std::size_t burst_size(Random& random) {
  if (random.one_in(5)) return random.between(16'000, BlockPool::kMaxPooledBytes);
  return random.between(1, 6000);
}

void give_all_but_few(BlockPool& pool, std::vector<Taken>& taken, Random& random) {
  std::erase_if(taken, [&](const Taken& one) {
    if (random.one_in(50)) return false;
    expect_untouched(one);
    pool.give(one.block);
    return true;
  });
}

// Bursts of which little stays, with as much time between them as it takes to unmap the rest.
TEST(BlockPool, BlocksNeverOverlapWhereArenasComeAndGo) {
  test::for_each_seed(20, [](std::uint64_t seed) {
    Random random(seed);
    BlockPool pool;
    std::vector<Taken> taken;
    for (int burst = 0; burst < 8; ++burst) {
      for (std::size_t left = random.between(10, 200); left > 0; --left) {
        const Block block = pool.take(burst_size(random));
        taken.push_back({block, random.byte()});
        std::memset(block.data, taken.back().mark, block.capacity);
      }
      give_all_but_few(pool, taken, random);
      for (std::size_t i = random.below(2 * BlockPool::kIdleTrims); i > 0; --i) pool.trim();
    }
    for (const Taken& one : taken) {
      expect_untouched(one);
      pool.give(one.block);
    }
    for (std::uint32_t i = 0; i < 2 * BlockPool::kIdleTrims; ++i) pool.trim();
    EXPECT_EQ(pool.used_bytes(), 0U);
    EXPECT_EQ(pool.reserved_bytes(), 0U);
  });
}

// What is not even mapped is not.
bool is_resident(const std::uint8_t* memory) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  unsigned char here = 0;
  const std::uint8_t* const at = memory - reinterpret_cast<std::uintptr_t>(memory) % page;
  const bool is_mapped = mincore(const_cast<std::uint8_t*>(at), 1, &here) == 0;
  EXPECT_TRUE(is_mapped || errno == ENOMEM);
  return is_mapped && (here & 1U) != 0;
}

TEST(BlockPool, GivesBackLargeBlocksThatNobodyUsesForAWhile) {
  constexpr std::size_t kBlock = 64 * 1024;
  BlockPool pool;
  std::vector<Block> blocks;
  for (int i = 0; i < 100; ++i) {
    blocks.push_back(pool.take(kBlock));
    std::memset(blocks.back().data, 0xAB, kBlock);
  }
  const std::size_t most = pool.reserved_bytes();
  const std::uint8_t* const within = blocks[50].data + kBlock / 2;
  for (const Block& block : blocks) pool.give(block);
  for (std::uint32_t i = 0; i < BlockPool::kIdleTrims; ++i) {
    pool.give(pool.take(kBlock));  // the last of them is in use now and then
    pool.trim();
  }
  EXPECT_EQ(pool.reserved_bytes(), most);
  EXPECT_TRUE(is_resident(within));
  pool.give(pool.take(kBlock));
  pool.trim();
  EXPECT_EQ(pool.reserved_bytes(), most - 99 * kBlock);
  EXPECT_FALSE(is_resident(within));
  EXPECT_FALSE(is_resident(blocks[50].data)) << "its first page, too";
  for (Block& block : blocks) {
    block = pool.take(kBlock);
    std::memset(block.data, 0xCD, kBlock);
  }
  EXPECT_EQ(pool.reserved_bytes(), most);
  for (const Block& block : blocks) pool.give(block);
}

std::uintptr_t slab_of(const Block& block) {
  return reinterpret_cast<std::uintptr_t>(block.data) / BlockPool::kSlabBytes;
}

// Of every class below: what one of many thousands of clients takes is small.
// How many of them a slab has depends on where it lies: what was in eleven slabs may be in ten of
// them when they are taken in another order.
TEST(BlockPool, GivesBackSlabsWhoseBlocksAreAllFree) {
  for (std::size_t bytes = BlockPool::kMinBlockBytes; bytes < BlockPool::kLargeBytes; bytes *= 2) {
    BlockPool pool;
    std::vector<Block> blocks;
    while (pool.used_bytes() < 8 * BlockPool::kSlabBytes) {
      blocks.push_back(pool.take(bytes));
      std::memset(blocks.back().data, 0xAB, bytes);
    }
    const std::size_t most = pool.reserved_bytes();
    std::set<std::uintptr_t> slabs;
    for (const Block& block : blocks) slabs.insert(slab_of(block));
    const Block stays = blocks[0];
    for (std::size_t i = 1; i < blocks.size(); ++i) pool.give(blocks[i]);
    for (std::uint32_t i = 0; i < BlockPool::kIdleTrims; ++i) pool.trim();
    EXPECT_EQ(pool.reserved_bytes(), most);
    EXPECT_TRUE(is_resident(blocks.back().data));
    pool.trim();
    EXPECT_EQ(pool.reserved_bytes(), BlockPool::kSlabBytes) << bytes << ": of the one in use";
    EXPECT_FALSE(is_resident(blocks.back().data));
    EXPECT_EQ(stays.data[bytes - 1], 0xAB);
    pool.give(stays);
    for (Block& block : blocks) {
      block = pool.take(bytes);
      std::memset(block.data, 0xCD, bytes);
      EXPECT_TRUE(slabs.contains(slab_of(block))) << "the same slabs";
    }
    const std::size_t again = pool.reserved_bytes();
    EXPECT_LE(again, most);
    for (const Block& block : blocks) pool.give(block);
    pool.trim();
    EXPECT_EQ(pool.reserved_bytes(), again) << "they were in use a moment ago";
  }
}

// A slab that was given back serves any class.
TEST(BlockPool, ASlabThatWasGivenBackIsTakenAgain) {
  BlockPool pool;
  for (std::size_t bytes = BlockPool::kMinBlockBytes; bytes < BlockPool::kLargeBytes; bytes *= 2) {
    const Block block = pool.take(bytes);
    std::memset(block.data, 0xAB, bytes);
    const std::uintptr_t slab = slab_of(block);
    pool.give(block);
    for (std::uint32_t i = 0; i <= BlockPool::kIdleTrims; ++i) pool.trim();
    EXPECT_EQ(pool.reserved_bytes(), 0U);
    const Block other = pool.take(bytes * 2 < BlockPool::kLargeBytes ? bytes * 2 : 64);
    EXPECT_EQ(slab_of(other), slab);
    pool.give(other);
    for (std::uint32_t i = 0; i <= BlockPool::kIdleTrims; ++i) pool.trim();
  }
}

TEST(BlockPool, GivesBackALittleAtATime) {
  constexpr std::size_t kBlock = BlockPool::kLargeBytes;
  BlockPool pool;
  std::vector<Block> blocks;
  for (std::size_t i = 0; i < 2 * BlockPool::kMostTrimmed; ++i) blocks.push_back(pool.take(kBlock));
  const std::size_t most = pool.reserved_bytes();
  for (const Block& block : blocks) pool.give(block);
  for (std::uint32_t i = 0; i <= BlockPool::kIdleTrims; ++i) pool.trim();
  EXPECT_GE(pool.reserved_bytes(), most - BlockPool::kMostTrimmed * kBlock);
  EXPECT_LT(pool.reserved_bytes(), most);
  pool.trim();
  EXPECT_LT(pool.reserved_bytes(), most - BlockPool::kMostTrimmed * kBlock);
}

}  // namespace
}  // namespace ringgate
