#include "tests/dataplane/failing_pool.h"

#include <cstdlib>
#include <new>

#include "dataplane/block_pool.h"

namespace ringgate {

test::PoolFailures& test::pool_failures() noexcept {
  static PoolFailures failures;
  return failures;
}

void BlockPool::Unmap::operator()(std::uint8_t* arena) const noexcept {
  std::free(arena);
}

Block BlockPool::take(std::size_t bytes) {
  const std::uint32_t capacity = capacity_of(bytes);
  auto* const data = static_cast<std::uint8_t*>(std::malloc(capacity));
  if (data == nullptr) throw std::bad_alloc();
  used_bytes_ += capacity;
  return {data, capacity};
}

Block BlockPool::try_take(std::size_t bytes) noexcept {
  test::PoolFailures& failures = test::pool_failures();
  const bool refuses = failures.now();
  ++failures.asked;
  if (!refuses) return take(bytes);
  ++failures.refused;
  is_short_ = true;
  return {};
}

// As if what is kept had gone.
Block BlockPool::try_take_to_go_on(std::size_t bytes) noexcept {
  return try_take(bytes);
}

void BlockPool::give(Block block) noexcept {
  used_bytes_ -= block.capacity;
  std::free(block.data);
}

void BlockPool::trim() noexcept {
  if (is_short_) is_short_ = test::pool_failures().now();
}

}  // namespace ringgate
