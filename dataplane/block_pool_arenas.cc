// BlockPool: where its arenas come from, and how they go back.
#include <sanitizer/asan_interface.h>  // does nothing without it, whichever compiler
#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "dataplane/block_pool.h"
#include "dataplane/map_aligned.h"

namespace ringgate {

void BlockPool::Unmap::operator()(std::uint8_t* arena) const noexcept {
  ASAN_UNPOISON_MEMORY_REGION(arena, kArenaBytes);
  munmap(arena, kArenaBytes);
}

// The first that begins at the piece or below it.
BlockPool::Arena* BlockPool::arena_of(const std::uint8_t* piece) noexcept {
  return std::ranges::lower_bound(arenas_, piece, std::greater{},
                                  [](const std::unique_ptr<Arena>& one) -> const std::uint8_t* {
                                    return one->memory.get();
                                  })
      ->get();
}

// Traffic secrets of TLS and what clients say lie there: no core file may have them. A kernel that
// refuses keeps its dumps.
BlockPool::Mapping BlockPool::map_arena() noexcept {
  Mapping arena(map_aligned(kArenaBytes, kSlabBytes));
  if (arena != nullptr) madvise(arena.get(), kArenaBytes, MADV_DONTDUMP);
  return arena;
}

// With the first one come those that are kept; until they are used they are address space and no
// memory.
BlockPool::Mapping BlockPool::next_mapping() noexcept {
  Mapping arena = map_arena();
  if (arena == nullptr && huge_.trim_all()) arena = map_arena();
  if (arena == nullptr) return reserve_ != nullptr ? std::move(*reserve_) : nullptr;
  if (arenas_.empty()) {
    spare_ = map_arena();
    pantry_ = map_arena();
  }
  return arena;
}

// Where something of each arena is in use, none is unmapped, and perhaps none can be mapped. Then
// as many slabs of the pool's own as an arena has will do: newcomers need small blocks, and so does
// whoever would take of what is kept when that has gone.
void BlockPool::look_for_memory() noexcept {
  if (spare_ == nullptr) spare_ = map_arena();
  if (pantry_ == nullptr) pantry_ = map_arena();
  const Mapping for_newcomers = map_arena();
  is_short_ = for_newcomers == nullptr && bare_slabs_.size() < kArenaBytes / kSlabBytes;
}

// Not those that are being carved: the next block would map one again.
void BlockPool::unmap_arenas() noexcept {
  bool any = false;
  for (const std::unique_ptr<Arena>& arena : arenas_) {
    const bool is_carved = arena.get() != slab_rest_.arena && arena.get() != large_rest_.arena;
    if (is_carved && arena->bare == arena->pieces) any = try_unmap(*arena) || any;
  }
  if (any) forget_unmapped();
}

// A hole in a mapping makes two of it, of which there may be too many for the kernel already.
bool BlockPool::try_unmap(Arena& arena) noexcept {
  std::uint8_t* const memory = arena.memory.get();
  ASAN_UNPOISON_MEMORY_REGION(memory, kArenaBytes);
  if (munmap(memory, kArenaBytes) == 0) {
    static_cast<void>(arena.memory.release());
    return true;
  }
  ASAN_POISON_MEMORY_REGION(memory, kArenaBytes);
  return false;
}

}  // namespace ringgate
