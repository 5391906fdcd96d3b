#include "dataplane/huge_blocks.h"

#include <sanitizer/asan_interface.h>  // does nothing without it, whichever compiler
#include <sys/mman.h>

#include <algorithm>
#include <iterator>
#include <new>

namespace ringgate {

HugeBlocks::~HugeBlocks() {
  trim_all();
}

std::uint8_t* HugeBlocks::take(std::size_t bytes) noexcept {
  const auto last = std::ranges::find(kept_.rbegin(), kept_.rend(), bytes, &Kept::bytes);
  if (last != kept_.rend()) {
    std::uint8_t* const block = last->block;
    kept_.erase(std::next(last).base());
    ASAN_UNPOISON_MEMORY_REGION(block, bytes);
    return block;
  }
  std::uint8_t* block = map(bytes);
  if (block == nullptr && trim_all()) block = map(bytes);
  if (block != nullptr) reserved_bytes_ += bytes;
  return block;
}

void HugeBlocks::give(std::uint8_t* block, std::size_t bytes) noexcept {
  if (!may_keep(bytes)) {
    unmap(block, bytes);
    return;
  }
  ASAN_POISON_MEMORY_REGION(block, bytes);
  kept_.push_back({block, bytes, trims_});
}

// Within its bound, and if there is memory for one more entry.
bool HugeBlocks::may_keep(std::size_t bytes) noexcept {
  if (bytes > kMaxKeptBytes) return false;
  if (kept_.size() < kept_.capacity()) return true;
  try {
    kept_.reserve(2 * kept_.size() + 1);
  } catch (const std::bad_alloc&) {
    return false;
  }
  return true;
}

void HugeBlocks::trim(std::uint32_t idle_trims) noexcept {
  ++trims_;
  std::size_t unmapped_bytes = 0;
  auto one = kept_.begin();
  for (; one != kept_.end() && unmapped_bytes < kMostUnmappedBytes; ++one) {
    if (trims_ - one->since <= idle_trims) break;
    unmap(one->block, one->bytes);
    unmapped_bytes += one->bytes;
  }
  kept_.erase(kept_.begin(), one);
}

bool HugeBlocks::trim_all() noexcept {
  const bool any = !kept_.empty();
  for (const Kept& one : kept_) unmap(one.block, one.bytes);
  kept_.clear();
  return any;
}

// Traffic secrets of TLS and what clients say lie there. A kernel that refuses keeps its dumps.
std::uint8_t* HugeBlocks::map(std::size_t bytes) noexcept {
  void* const mapped =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  madvise(mapped, bytes, MADV_DONTDUMP);
  return static_cast<std::uint8_t*>(mapped);
}

// A hole in a mapping makes two of it: where the kernel has too many already, the pages at least
// go.
void HugeBlocks::unmap(std::uint8_t* block, std::size_t bytes) noexcept {
  ASAN_UNPOISON_MEMORY_REGION(block, bytes);
  if (munmap(block, bytes) != 0) madvise(block, bytes, MADV_DONTNEED);
  reserved_bytes_ -= bytes;
}

}  // namespace ringgate
