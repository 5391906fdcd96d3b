// What is kept for when there is no memory: by the process, and by a pool. In a process of their
// own, whose address space is all used up.
#include "dataplane/memory_reserve.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
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

void use_up_the_reserve_of_the_process() {
  constexpr std::size_t kPiece = 64 * 1024;
  std::vector<std::unique_ptr<std::uint8_t[]>> pieces;
  pieces.reserve(100'000);  // none of them grows it
  memory_reserve::keep();
  bound_address_space(kMoreBytes);
  while (!memory_reserve::is_used()) pieces.push_back(std::make_unique<std::uint8_t[]>(kPiece));
  memory_reserve::refill();
  require(memory_reserve::is_used(), "there is nothing to refill it with");
  std::size_t more = 0;
  try {
    for (;; ++more) pieces.push_back(std::make_unique<std::uint8_t[]>(kPiece));
  } catch (const std::bad_alloc&) {
  }
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

TEST(MemoryReserveDeathTest, OfTheProcessIsForWhatCannotBeRefusedAndComesBack) {
  if (!kMayBoundAddressSpace) GTEST_SKIP() << "under a sanitizer";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(use_up_the_reserve_of_the_process(), testing::ExitedWithCode(0), "");
}

TEST(MemoryReserveDeathTest, OfAPoolIsForWhatCannotBeRefusedAndComesBack) {
  if (!kMayBoundAddressSpace) GTEST_SKIP() << "under a sanitizer";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(use_up_the_spare_of_a_pool(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace ringgate
