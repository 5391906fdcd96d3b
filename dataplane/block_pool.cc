#include "dataplane/block_pool.h"

#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <cstdint>

#include "dataplane/check.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#endif

namespace ringgate {
namespace {

std::size_t page_bytes() noexcept {
  static const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

// Traffic secrets of TLS and what clients say lie there: no core file may have them. Whole pages,
// so that arenas that follow each other stay one mapping. A kernel that refuses keeps its dumps.
void leave_out_of_dumps(std::uint8_t* memory, std::size_t bytes) noexcept {
  const std::size_t page = page_bytes();
  const std::size_t before = reinterpret_cast<std::uintptr_t>(memory) % page;
  madvise(memory - before, (before + bytes + page - 1) / page * page, MADV_DONTDUMP);
}

}  // namespace

BlockPool::~BlockPool() {
  for (const auto& arena : arenas_) ASAN_UNPOISON_MEMORY_REGION(arena.get(), kArenaBytes);
}

std::size_t BlockPool::class_of(std::size_t bytes) noexcept {
  if (bytes <= kMinBlockBytes) return 0;
  const std::size_t top = static_cast<std::size_t>(std::bit_width(bytes - 1)) - 1;  // >= 6
  const std::size_t quarter = ((bytes - 1) >> (top - 2)) & 3;
  return (top - 6) * 4 + quarter + 1;
}

std::size_t BlockPool::class_bytes(std::size_t index) noexcept {
  const std::size_t base = kMinBlockBytes << (index / 4);
  return base + (base / 4) * (index % 4);
}

Block BlockPool::take(std::size_t bytes) {
  if (bytes > kMaxPooledBytes) [[unlikely]] {
    RINGGATE_CHECK(bytes <= UINT32_MAX);
    used_bytes_ += bytes;
    reserved_bytes_ += bytes;
    return {new std::uint8_t[bytes], static_cast<std::uint32_t>(bytes)};
  }
  const std::size_t index = class_of(bytes);
  const std::size_t capacity = class_bytes(index);
  used_bytes_ += capacity;
  if (Free* block = free_[index]; block != nullptr) {
    ASAN_UNPOISON_MEMORY_REGION(block, capacity);
    free_[index] = block->next;
    reserved_bytes_ += block->trimmed_bytes;
    return {reinterpret_cast<std::uint8_t*>(block), static_cast<std::uint32_t>(capacity)};
  }
  return {carve(capacity), static_cast<std::uint32_t>(capacity)};
}

void BlockPool::give(Block block) noexcept {
  used_bytes_ -= block.capacity;
  if (block.capacity > kMaxPooledBytes) [[unlikely]] {
    reserved_bytes_ -= block.capacity;
    delete[] block.data;
    return;
  }
  const std::size_t index = class_of(block.capacity);
  auto* free = reinterpret_cast<Free*>(block.data);
  *free = {free_[index], 0, 0};
  free_[index] = free;
  ASAN_POISON_MEMORY_REGION(block.data, block.capacity);
}

void BlockPool::trim() noexcept {
  int left = kMostTrimmed;
  for (std::size_t index = class_of(kLargeBytes); index < kClasses; ++index) {
    const std::size_t bytes = class_bytes(index);
    for (Free* block = free_[index]; block != nullptr;) {
      ASAN_UNPOISON_MEMORY_REGION(block, sizeof(Free));
      if (block->trimmed_bytes == 0 && ++block->idle_trims > kIdleTrims && left > 0) {
        --left;
        trim(*block, bytes);
      }
      Free* const next = block->next;
      ASAN_POISON_MEMORY_REGION(block, sizeof(Free));
      block = next;
    }
  }
}

// All whole pages behind its head.
void BlockPool::trim(Free& block, std::size_t bytes) noexcept {
  const std::size_t page = page_bytes();
  const auto begin = reinterpret_cast<std::uintptr_t>(&block);
  const std::uintptr_t from = (begin + sizeof(Free) + page - 1) / page * page;
  const std::uintptr_t to = (begin + bytes) / page * page;
  if (to <= from || madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED) != 0) return;
  block.trimmed_bytes = static_cast<std::uint32_t>(to - from);
  reserved_bytes_ -= block.trimmed_bytes;
}

std::uint8_t* BlockPool::carve(std::size_t bytes) {
  if (arena_left_ < bytes) {
    // What is left of the last arena goes to the largest class that fits, not to waste.
    while (arena_left_ >= kMinBlockBytes) {
      std::size_t index = class_of(arena_left_);
      if (class_bytes(index) > arena_left_) --index;
      Block rest{arena_next_, static_cast<std::uint32_t>(class_bytes(index))};
      arena_next_ += rest.capacity;
      arena_left_ -= rest.capacity;
      used_bytes_ += rest.capacity;
      give(rest);
    }
    arenas_.push_back(std::make_unique_for_overwrite<std::uint8_t[]>(kArenaBytes));
    arena_next_ = arenas_.back().get();
    leave_out_of_dumps(arena_next_, kArenaBytes);
    arena_left_ = kArenaBytes;
    reserved_bytes_ += kArenaBytes;
  }
  std::uint8_t* const block = arena_next_;
  arena_next_ += bytes;
  arena_left_ -= bytes;
  return block;
}

}  // namespace ringgate
