#include "dataplane/block_pool.h"

#include <sanitizer/asan_interface.h>  // does nothing without it, whichever compiler
#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <new>
#include <utility>

#include "dataplane/check.h"

namespace ringgate {
namespace {

// So that what is put there later takes no memory. False: there is none.
template <class T>
bool make_room(std::vector<T>& in, std::size_t entries) noexcept {
  if (in.capacity() >= entries) [[likely]]
    return true;
  try {
    in.reserve(2 * entries);
  } catch (const std::bad_alloc&) {
    return false;
  }
  return true;
}

bool give_pages_back(std::uint8_t* memory, std::size_t bytes) noexcept {
  return madvise(memory, bytes, MADV_DONTNEED) == 0;
}

// Where slabs begin their blocks. Their heads are before it, at places that differ: at the same one
// all of them would share one set of each cache.
constexpr std::size_t kHeadsBytes = 1024;
constexpr std::size_t kHeadBytes = 64;

// And blocks do not begin at the same places in each slab of a class, for the same reason.
std::size_t shift_of(const std::uint8_t* slab, std::size_t block_bytes) noexcept {
  const std::size_t number = reinterpret_cast<std::uintptr_t>(slab) / BlockPool::kSlabBytes;
  return number % (block_bytes / kHeadBytes) * kHeadBytes;
}

}  // namespace

struct BlockPool::Free {
  Free* next;
};

// The head of a slab; its blocks follow.
struct alignas(kHeadBytes) BlockPool::Slab {
  Free* free = nullptr;           // blocks that were given back
  std::uint8_t* fresh = nullptr;  // from here on nobody has had any
  std::uint8_t* last = nullptr;   // the last place of a block
  std::uint32_t block_bytes = 0;
  std::uint32_t used = 0;
  std::uint32_t touched_at = 0;  // of trims_
  std::uint32_t index = 0;       // its class
  Slab* next = nullptr;          // of its class that have a free block
  Slab* before = nullptr;

  [[nodiscard]] std::uint8_t* begin() noexcept {
    auto* const at = reinterpret_cast<std::uint8_t*>(this);
    return at - reinterpret_cast<std::uintptr_t>(at) % kSlabBytes;
  }
  [[nodiscard]] bool full() const noexcept { return free == nullptr && fresh > last; }
};

BlockPool::Slab* BlockPool::slab_of(std::uint8_t* block) noexcept {
  static_assert(sizeof(Slab) == kHeadBytes);
  const auto at = reinterpret_cast<std::uintptr_t>(block);
  const std::size_t place = at / kSlabBytes % (kHeadsBytes / kHeadBytes);
  return reinterpret_cast<Slab*>(block - at % kSlabBytes + place * kHeadBytes);
}

Block BlockPool::take(std::size_t bytes) {
  Block block = try_take(bytes);
  if (block.data == nullptr) [[unlikely]] {
    block = take_with(spare_, bytes);
    if (block.data == nullptr) throw std::bad_alloc();
  }
  return block;
}

Block BlockPool::try_take_to_go_on(std::size_t bytes) noexcept {
  Block block = try_take(bytes);
  if (block.data == nullptr && bytes <= kLittleBytes) [[unlikely]]
    block = take_with(pantry_, bytes);
  return block;
}

Block BlockPool::take_with(Mapping& reserve, std::size_t bytes) noexcept {
  reserve_ = &reserve;
  const Block block = try_take(bytes);
  reserve_ = nullptr;
  return block;
}

Block BlockPool::try_take(std::size_t bytes) noexcept {
  const std::size_t index = class_of(bytes);
  const std::size_t capacity = capacity_of(bytes);
  std::uint8_t* block = nullptr;
  if (index >= kSmallClasses) [[unlikely]] {
    RINGGATE_CHECK(bytes <= UINT32_MAX);
    block = bytes <= kMaxPooledBytes ? take_large(index) : huge_.take(capacity);
  } else if (Recent& recent = recent_[index]; recent.count > 0) [[likely]] {
    block = recent.blocks[--recent.count];
  } else {
    block = take_of_slab(index);
  }
  if (block == nullptr) [[unlikely]] {
    is_short_ = true;
    return {};
  }
  used_bytes_ += capacity;
  ASAN_UNPOISON_MEMORY_REGION(block, capacity);
  return {block, static_cast<std::uint32_t>(capacity)};
}

void BlockPool::give(Block block) noexcept {
  used_bytes_ -= block.capacity;
  if (block.capacity > kMaxPooledBytes) [[unlikely]]
    return huge_.give(block.data, block.capacity);
  ASAN_POISON_MEMORY_REGION(block.data, block.capacity);
  const std::size_t index = class_of(block.capacity);
  if (index >= kSmallClasses) [[unlikely]] {
    large_[index - kSmallClasses].free.push_back({block.data, nullptr, trims_});
    return;
  }
  Recent& recent = recent_[index];
  if (recent.count == Recent::kMost) [[unlikely]]
    give_oldest(recent, Recent::kMost / 2);
  recent.blocks[recent.count++] = block.data;
}

// --- Small blocks -------------------------------------------------------------------------------

std::uint8_t* BlockPool::take_of_slab(std::size_t index) noexcept {
  Slab* slab = open_[index];
  if (slab == nullptr) slab = open_slab(index);
  if (slab == nullptr) [[unlikely]]
    return nullptr;
  auto* block = reinterpret_cast<std::uint8_t*>(slab->free);
  if (block != nullptr) {
    ASAN_UNPOISON_MEMORY_REGION(block, sizeof(Free));
    slab->free = slab->free->next;
  } else {
    block = slab->fresh;
    slab->fresh += slab->block_bytes;
  }
  slab->touched_at = trims_;
  ++slab->used;
  if (slab->full()) unlink(slab);
  return block;
}

void BlockPool::give_to_slab(std::uint8_t* block) noexcept {
  Slab* const slab = slab_of(block);
  if (slab->full()) link(slab);
  ASAN_UNPOISON_MEMORY_REGION(block, sizeof(Free));
  slab->free = new (block) Free{slab->free};
  ASAN_POISON_MEMORY_REGION(block, sizeof(Free));
  slab->touched_at = trims_;
  --slab->used;
}

void BlockPool::give_oldest(Recent& recent, std::size_t count) noexcept {
  const auto end = recent.blocks.begin() + count;
  std::for_each(recent.blocks.begin(), end, [this](std::uint8_t* block) { give_to_slab(block); });
  std::copy(end, recent.blocks.begin() + recent.count, recent.blocks.begin());
  recent.count -= count;
}

// Null: there is no memory for one.
BlockPool::Slab* BlockPool::open_slab(std::size_t index) noexcept {
  const std::size_t slabs = slabs_.size() + bare_slabs_.size() + 1;
  if (!make_room(bare_slabs_, slabs) || !make_room(slabs_, slabs)) return nullptr;
  std::uint8_t* memory = nullptr;
  if (bare_slabs_.empty()) {
    memory = carve(slab_rest_, kSlabBytes);
    if (memory == nullptr) return nullptr;
  } else {
    memory = bare_slabs_.back().data;
    --bare_slabs_.back().arena->bare;
    bare_slabs_.pop_back();
  }
  reserved_bytes_ += kSlabBytes;
  ASAN_UNPOISON_MEMORY_REGION(memory, kHeadsBytes);
  auto* const slab = new (slab_of(memory)) Slab;
  slab->fresh = memory + kHeadsBytes + shift_of(memory, class_bytes(index));
  slab->last = memory + kSlabBytes - class_bytes(index);
  slab->block_bytes = static_cast<std::uint32_t>(class_bytes(index));
  slab->index = static_cast<std::uint32_t>(index);
  slabs_.push_back(slab);
  link(slab);
  return slab;
}

void BlockPool::link(Slab* slab) noexcept {
  Slab*& first = open_[slab->index];
  slab->before = nullptr;
  slab->next = first;
  if (first != nullptr) first->before = slab;
  first = slab;
}

void BlockPool::unlink(Slab* slab) noexcept {
  (slab->before != nullptr ? slab->before->next : open_[slab->index]) = slab->next;
  if (slab->next != nullptr) slab->next->before = slab->before;
}

// --- Large blocks -------------------------------------------------------------------------------

std::uint8_t* BlockPool::take_large(std::size_t index) noexcept {
  Large& large = large_[index - kSmallClasses];
  if (!large.free.empty()) {
    const Large::Block block = large.free.back();
    large.free.pop_back();
    if (large.free.size() < large.trimmed) {
      --large.trimmed;
      --block.arena->bare;
      reserved_bytes_ += class_bytes(index);
    }
    return block.data;
  }
  if (!make_room(large.free, large.carved + 1)) return nullptr;
  std::uint8_t* const block = carve(large_rest_, class_bytes(index));
  if (block == nullptr) return nullptr;
  ++large.carved;
  reserved_bytes_ += class_bytes(index);
  return block;
}

// What is left of the last arena is lost, but it has no pages.
std::uint8_t* BlockPool::carve(Rest& from, std::size_t bytes) noexcept {
  if (from.bytes < bytes) {
    Arena* const arena = add_arena();
    if (arena == nullptr) return nullptr;
    from = {arena, arena->memory.get(), kArenaBytes};
    ASAN_POISON_MEMORY_REGION(from.next, kArenaBytes);
  }
  ++from.arena->pieces;
  from.bytes -= bytes;
  return std::exchange(from.next, from.next + bytes);
}

// Null: there is no memory for it.
BlockPool::Arena* BlockPool::add_arena() noexcept {
  std::unique_ptr<Arena> arena(new (std::nothrow) Arena);
  if (arena == nullptr || !make_room(arenas_, arenas_.size() + 1)) return nullptr;
  arena->memory = next_mapping();
  if (arena->memory == nullptr) return nullptr;
  const auto place =
      std::ranges::upper_bound(arenas_, arena->memory.get(), std::greater{},
                               [](const std::unique_ptr<Arena>& one) { return one->memory.get(); });
  return arenas_.insert(place, std::move(arena))->get();
}

// --- Giving back --------------------------------------------------------------------------------

void BlockPool::trim() noexcept {
  for (Recent& recent : recent_) give_oldest(recent, recent.count);
  ++trims_;
  trim_slabs(trim_large(kMostTrimmed));
  huge_.trim(kIdleTrims);
  unmap_arenas();
  if (!is_short_) return;
  huge_.trim_all();
  look_for_memory();
}

// Where memory is short somebody may be waiting for what these hold.
bool BlockPool::is_idle(std::uint32_t since) const noexcept {
  return is_short_ || trims_ - since > kIdleTrims;
}

// How many are left of `most`.
std::size_t BlockPool::trim_large(std::size_t most) noexcept {
  for (std::size_t i = 0; i < kLargeClasses; ++i) {
    Large& large = large_[i];
    const std::size_t bytes = class_bytes(kSmallClasses + i);
    for (; most > 0 && large.trimmed < large.free.size(); --most) {
      Large::Block& oldest = large.free[large.trimmed];
      if (!is_idle(oldest.freed_at) || !give_pages_back(oldest.data, bytes)) break;
      ++large.trimmed;
      oldest.arena = arena_of(oldest.data);
      ++oldest.arena->bare;
      reserved_bytes_ -= bytes;
    }
  }
  return most;
}

// A part of them at a time where they are very many.
void BlockPool::trim_slabs(std::size_t most) noexcept {
  for (std::size_t looks = std::min(slabs_.size(), kMostLooked); looks > 0 && most > 0; --looks) {
    if (next_look_ >= slabs_.size()) next_look_ = 0;
    Slab* const slab = slabs_[next_look_];
    if (slab->used > 0 || !is_idle(slab->touched_at)) {
      ++next_look_;
      continue;
    }
    std::uint8_t* const memory = slab->begin();
    unlink(slab);
    if (!give_pages_back(memory, kSlabBytes)) return link(slab);
    ASAN_POISON_MEMORY_REGION(memory, kHeadsBytes);
    slabs_[next_look_] = slabs_.back();
    slabs_.pop_back();
    bare_slabs_.push_back({memory, arena_of(memory)});
    ++bare_slabs_.back().arena->bare;
    reserved_bytes_ -= kSlabBytes;
    --most;
  }
}

void BlockPool::forget_unmapped() noexcept {
  const auto is_gone = [](const auto& piece) { return piece.arena->memory == nullptr; };
  std::erase_if(bare_slabs_, is_gone);
  for (Large& large : large_) {
    const auto bare_end = large.free.begin() + static_cast<std::ptrdiff_t>(large.trimmed);
    const auto stay_end = std::remove_if(large.free.begin(), bare_end, is_gone);
    const auto gone = static_cast<std::size_t>(bare_end - stay_end);
    large.free.erase(stay_end, bare_end);
    large.trimmed -= gone;
    large.carved -= gone;
  }
  std::erase_if(arenas_, [](const std::unique_ptr<Arena>& one) { return one->memory == nullptr; });
}

}  // namespace ringgate
