// What is kept for when there is no memory: by the process, and by a pool. In a process of their
// own, whose address space is all used up.
#include "dataplane/memory_reserve.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <new>
#include <vector>

#include "dataplane/block_pool.h"

namespace ringgate {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMayBoundAddressSpace = false;  // a sanitizer's own is endless
#else
constexpr bool kMayBoundAddressSpace = true;
#endif
constexpr std::size_t kMoreBytes = 64 * 1024 * 1024;

// So much more than there is now may be mapped.
void bound_address_space(std::size_t more_bytes) {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit limit{};
  getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = pages * 4096 + more_bytes;
  setrlimit(RLIMIT_AS, &limit);
}

void give_address_space() {
  rlimit limit{};
  getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_AS, &limit);
}

// What does not hold ends the process with another code.
void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::exit(1);
}

constexpr std::size_t kPiece = 64 * 1024;
using Pieces = std::vector<std::unique_ptr<std::uint8_t[]>>;

// False: there is no memory for one more.
bool take_one(Pieces& pieces) {
  try {
    pieces.push_back(std::make_unique<std::uint8_t[]>(kPiece));
  } catch (const std::bad_alloc&) {
    return false;
  }
  return true;
}

void use_up_the_reserve_of_the_process() {
  Pieces pieces;
  pieces.reserve(100'000);  // none of them grows it
  memory_reserve::keep();
  bound_address_space(kMoreBytes);
  while (!memory_reserve::is_used()) pieces.push_back(std::make_unique<std::uint8_t[]>(kPiece));
  memory_reserve::refill();
  require(memory_reserve::is_used(), "there is nothing to refill it with");
  std::size_t more = 0;
  while (take_one(pieces)) ++more;
  require(more * kPiece > memory_reserve::kBytes / 2, "the reserve was there to be used");
  give_address_space();
  memory_reserve::refill();
  require(!memory_reserve::is_used(), "it is there again");
  std::exit(0);
}

void use_up_the_spare_of_a_pool() {
  BlockPool pool;
  Block first = pool.take(1000);
  bound_address_space(kMoreBytes);
  Block large;
  while ((large = pool.try_take(BlockPool::kMaxPooledBytes)).data != nullptr) continue;
  while (pool.try_take(1000).data != nullptr) continue;
  while (pool.try_take(4 * BlockPool::kMaxPooledBytes).data != nullptr) continue;
  require(pool.is_short(), "it says that there was none");
  for (int i = 0; i < 500; ++i) require(pool.take(1000).data != nullptr, "of the spare");
  pool.trim();
  require(pool.is_short(), "there is still none");
  require(pool.try_take(4 * BlockPool::kMaxPooledBytes).data == nullptr, "nor for a long one");
  give_address_space();
  pool.trim();
  require(!pool.is_short(), "there is again");
  require(pool.try_take(BlockPool::kMaxPooledBytes).data != nullptr, "and it is had");
  pool.give(first);
  std::exit(0);
}

void use_up_what_is_for_those_who_are_there() {
  BlockPool pool;
  const Block first = pool.take(1000);
  bound_address_space(kMoreBytes);
  while (pool.try_take(BlockPool::kMaxPooledBytes).data != nullptr) continue;
  while (pool.try_take(1000).data != nullptr) continue;
  constexpr std::size_t kLittle = BlockPool::kLittleBytes;
  require(pool.try_take_to_go_on(kLittle + 1).data == nullptr, "it is not for what is long");
  std::size_t had = 0;
  while (pool.try_take_to_go_on(kLittle).data != nullptr) ++had;
  require(had >= BlockPool::kArenaBytes / kLittle / 10 * 9, "it is one arena");
  require(had <= BlockPool::kArenaBytes / kLittle, "and not two");
  require(pool.take(kLittle).data != nullptr, "what cannot be refused has its own still");
  pool.trim();
  require(pool.is_short(), "there is still none");
  give_address_space();
  pool.trim();
  require(!pool.is_short(), "there is again");
  bound_address_space(0);
  while (pool.try_take(kLittle).data != nullptr) continue;
  require(pool.try_take_to_go_on(kLittle).data != nullptr, "it is there again, too");
  pool.give(first);
  std::exit(0);
}

// Until there is neither room for a large one nor for a small one. Those of 1000 bytes come first.
std::vector<Block> take_all(BlockPool& pool) {
  std::vector<Block> taken;
  taken.reserve(200'000);
  constexpr std::size_t kSmallShare = kMoreBytes / 2 / 1024;
  for (const std::size_t bytes : {std::size_t{1000}, BlockPool::kMaxPooledBytes / 4}) {
    const std::size_t most = bytes == 1000 ? kSmallShare : SIZE_MAX;
    for (std::size_t i = 0; i < most; ++i) {
      const Block block = pool.try_take(bytes);
      if (block.data == nullptr) break;
      taken.push_back(block);
    }
  }
  while (true) {
    const Block block = pool.try_take(1000);
    if (block.data == nullptr) return taken;
    taken.push_back(block);
  }
}

void trim_all(BlockPool& pool) {
  constexpr std::size_t kRounds = kMoreBytes / BlockPool::kLargeBytes / BlockPool::kMostTrimmed;
  for (std::size_t i = 0; i < BlockPool::kIdleTrims + kRounds + 1; ++i) pool.trim();
}

bool may_map(std::size_t bytes) {
  void* const memory = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory != MAP_FAILED) munmap(memory, bytes);
  return memory != MAP_FAILED;
}

// What is used up is the address space, and it is the pool that has it.
void come_back_when_all_was_given_back() {
  BlockPool pool;
  const Block stays = pool.take(1000);
  bound_address_space(kMoreBytes);
  const std::vector<Block> taken = take_all(pool);
  require(!may_map(2 * BlockPool::kArenaBytes), "it is used up");
  for (const Block& block : taken) pool.give(block);
  pool.trim();
  require(!pool.is_short(), "where somebody waits for it nothing is kept");
  trim_all(pool);
  require(may_map(kMoreBytes / 4 * 3), "others may have it, too");
  for (const Block& block : take_all(pool)) std::memset(block.data, 0xAB, block.capacity);
  pool.give(stays);
  std::exit(0);
}

// One block of each MiB is still in use.
void come_back_when_a_little_stays_everywhere() {
  BlockPool pool;
  const Block first = pool.take(1000);
  bound_address_space(kMoreBytes);
  const std::vector<Block> taken = take_all(pool);
  const std::uint8_t* last = first.data;
  for (const Block& block : taken) {
    const bool stays = static_cast<std::size_t>(std::abs(block.data - last)) >= 1024UL * 1024;
    if (stays) last = block.data;
    if (!stays) pool.give(block);
  }
  trim_all(pool);
  require(!may_map(2 * BlockPool::kArenaBytes), "it is all mapped still");
  require(!pool.is_short(), "but the pool has slabs");
  for (int i = 0; i < 1000; ++i) require(pool.try_take(1000).data != nullptr, "of them");
  std::exit(0);
}

// In a process of its own, whose address space it may bound.
void expect_success_of(void (*what)()) {
  if (!kMayBoundAddressSpace) GTEST_SKIP() << "under a sanitizer";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(what(), testing::ExitedWithCode(0), "");
}

TEST(MemoryReserveDeathTest, OfTheProcessIsForWhatCannotBeRefusedAndComesBack) {
  expect_success_of(&use_up_the_reserve_of_the_process);
}

TEST(MemoryReserveDeathTest, OfAPoolIsForWhatCannotBeRefusedAndComesBack) {
  expect_success_of(&use_up_the_spare_of_a_pool);
}

TEST(MemoryReserveDeathTest, OfAPoolForThoseWhoAreThereIsBoundedAndComesBack) {
  expect_success_of(&use_up_what_is_for_those_who_are_there);
}

TEST(MemoryReserveDeathTest, APoolThatWasShortUnmapsWhatNobodyUses) {
  expect_success_of(&come_back_when_all_was_given_back);
}

TEST(MemoryReserveDeathTest, APoolIsNoLongerShortWhenItHasSlabsOfItsOwn) {
  expect_success_of(&come_back_when_a_little_stays_everywhere);
}

}  // namespace
}  // namespace ringgate
