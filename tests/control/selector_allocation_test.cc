// Replaces operator new: selecting takes nothing from the heap, whatever the selector.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "control/selector_set.h"
#include "tests/control/candidates.h"

namespace {

std::atomic<std::size_t> allocations{0};

void* allocate(std::size_t size) {
  void* const block = std::malloc(size == 0 ? 1 : size);
  if (block == nullptr) throw std::bad_alloc();
  ++allocations;
  return block;
}

}  // namespace

void* operator new(std::size_t size) {
  return allocate(size);
}
void* operator new[](std::size_t size) {
  return allocate(size);
}
void operator delete(void* block) noexcept {
  std::free(block);
}
void operator delete[](void* block) noexcept {
  std::free(block);
}
void operator delete(void* block, std::size_t) noexcept {
  std::free(block);
}
void operator delete[](void* block, std::size_t) noexcept {
  std::free(block);
}

namespace ringgate {
namespace {

TEST(SelectorAllocation, SelectingTakesNothingFromTheHeap) {
  auto table = RouteTable::make(RouteBy::kAccount, {{"z", 80}, {"y", 20}}, {{"vip", "y"}});
  ASSERT_TRUE(table);
  const auto shared = std::make_shared<const RouteTable>(std::move(*table));
  const test::TestServices services(10);
  const std::string account(128, 'a');
  std::size_t sum = 0;
  for (const SelectorKind kind :
       {SelectorKind::kHash, SelectorKind::kRoute, SelectorKind::kRendezvous}) {
    const SelectorSet set(kind, {}, shared);
    const std::size_t at_start = allocations;
    const auto group = set.of("chat").prepare(services.candidates());
    EXPECT_GT(allocations, at_start) << "preparing allocates: this test does not count";
    const std::size_t before = allocations;
    for (std::uint32_t crc = 0; crc < 10'000; ++crc) {
      sum +=
          group->select({crc, account, crc % 2 == 0 ? "vip" : "an app of sixty-four bytes"}).index;
    }
    EXPECT_EQ(allocations, before) << selector_name(kind);
  }
  EXPECT_GT(sum, 0u);
}

}  // namespace
}  // namespace ringgate
