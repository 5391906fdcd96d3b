// Memory of one shard: blocks in size classes, carved from large pieces and kept on free lists, so
// that the data path neither calls the system's allocator nor takes a lock.
//
// Blocks of less than 16 KiB lie in slabs, each of one class, which count how many of theirs are in
// use; those that came back last are at hand beside them. Larger ones are whole pages, and what is
// known of a free one lies elsewhere. So either can be given back to the kernel as a whole, to the
// last page; and when that has been done with all of an arena, its address space goes back, too.
//
// Where the system has no memory left, try_take() says so, and whoever asked refuses what it was
// for. What cannot be refused half way through takes of an arena that is kept for that: it holds
// what some thousand clients need, and is replaced as soon as there is memory again. So is another
// one, for what those who are there already need to go on, which is little.
//
// Owned and used by one thread. A block belongs to whoever took it until it is given back; blocks
// must be back before the pool is destroyed only if their memory is still looked at. With the
// address sanitizer, free blocks are poisoned.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/huge_blocks.h"

namespace ringgate {

// A block and what it really holds: `capacity` may be more than was asked for.
struct Block {
  std::uint8_t* data = nullptr;
  std::uint32_t capacity = 0;
};

class BlockPool {
 public:
  static constexpr std::size_t kMinBlockBytes = 64;
  static constexpr std::size_t kMaxPooledBytes = 256 * 1024;  // above: a mapping of its own
  static constexpr std::size_t kLargeBytes = 16 * 1024;       // from here on: whole pages
  static constexpr std::size_t kSlabBytes = 64 * 1024;
  static constexpr std::size_t kArenaBytes = 1024 * 1024;  // which no page is taken of by itself

  BlockPool() = default;
  ~BlockPool() = default;
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // At least `bytes` (1 ... 4 GiB - 1), aligned to 16. Null data: there is no memory for it.
  [[nodiscard]] Block try_take(std::size_t bytes) noexcept;
  // The same, never null: of the spare arena if need be. Throws std::bad_alloc without it.
  [[nodiscard]] Block take(std::size_t bytes);
  // The same for somebody who is there: up to kLittleBytes of the arena that is kept for those, if
  // need be. Null data where that has gone, too, or for more.
  [[nodiscard]] Block try_take_to_go_on(std::size_t bytes) noexcept;
  static constexpr std::size_t kLittleBytes = 4 * 1024;
  void give(Block block) noexcept;

  // Gives the kernel the pages of large blocks, and of slabs none of whose blocks is in use, that
  // nobody has touched in the last kIdleTrims trims, or since the last one where memory is short:
  // of at most kMostTrimmed of them. They are there again, as zeros, when they are used. Arenas
  // that have nothing else are unmapped, as are blocks with a mapping of their own (HugeBlocks).
  void trim() noexcept;
  static constexpr std::uint32_t kIdleTrims = 10;
  static constexpr std::size_t kMostTrimmed = 256;
  static constexpr std::size_t kMostLooked = 4096;  // slabs, in one trim

  // What a block for `bytes` really holds: for giving back a block whose capacity was not kept.
  [[nodiscard]] static std::uint32_t capacity_of(std::size_t bytes) noexcept {
    return static_cast<std::uint32_t>(
        bytes > HugeBlocks::kMaxKeptBytes ? bytes : class_bytes(class_of(bytes)));
  }

  // From the system, but for what trim() has given back.
  [[nodiscard]] std::size_t reserved_bytes() const noexcept {
    return reserved_bytes_ + huge_.reserved_bytes();
  }
  [[nodiscard]] std::size_t used_bytes() const noexcept { return used_bytes_; }
  // There was no memory for something, and trim() has not seen yet that there is some again, of the
  // system or of what the pool has itself.
  [[nodiscard]] bool is_short() const noexcept { return is_short_; }

 private:
  struct Free;
  struct Slab;
  struct Unmap {
    void operator()(std::uint8_t* arena) const noexcept;
  };
  using Mapping = std::unique_ptr<std::uint8_t[], Unmap>;
  // Pieces of it are slabs, or large blocks of any class.
  struct Arena {
    Mapping memory;
    std::uint32_t pieces = 0;  // so far
    std::uint32_t bare = 0;    // of them, which are free and without pages
  };
  struct BareSlab {
    std::uint8_t* data = nullptr;
    Arena* arena = nullptr;
  };
  // Blocks of one class that came back last, the last of them to be taken first. Their slabs think
  // that they are in use, so that neither end touches a slab.
  struct Recent {
    static constexpr std::size_t kMost = 128;
    std::array<std::uint8_t*, kMost> blocks;
    std::size_t count = 0;
  };
  // Of one class, the longest free first: the first `trimmed` have no pages.
  struct Large {
    struct Block {
      std::uint8_t* data = nullptr;
      Arena* arena = nullptr;      // of one that has no pages
      std::uint32_t freed_at = 0;  // of trims_
    };
    std::vector<Block>
        free;  // with room for all there are, so that giving one back takes no memory
    std::size_t trimmed = 0;
    std::size_t carved = 0;
  };
  // What is left of an arena.
  struct Rest {
    Arena* arena = nullptr;
    std::uint8_t* next = nullptr;
    std::size_t bytes = 0;
  };

  // Four classes per doubling: 64, 80, 96, 112, 128, 160, ...
  static constexpr std::size_t class_of(std::size_t bytes) noexcept {
    if (bytes <= kMinBlockBytes) return 0;
    const std::size_t top = static_cast<std::size_t>(std::bit_width(bytes - 1)) - 1;  // >= 6
    const std::size_t quarter = ((bytes - 1) >> (top - 2)) & 3;
    return (top - 6) * 4 + quarter + 1;
  }
  static constexpr std::size_t class_bytes(std::size_t index) noexcept {
    const std::size_t base = kMinBlockBytes << (index / 4);
    return base + (base / 4) * (index % 4);
  }
  static constexpr std::size_t kSmallClasses = 8 * 4;
  static constexpr std::size_t kLargeClasses = 4 * 4 + 1;

  [[nodiscard]] static Slab* slab_of(std::uint8_t* block) noexcept;
  [[nodiscard]] Block take_with(Mapping& reserve, std::size_t bytes) noexcept;
  [[nodiscard]] bool is_idle(std::uint32_t since) const noexcept;
  [[nodiscard]] std::uint8_t* take_of_slab(std::size_t index) noexcept;
  void give_to_slab(std::uint8_t* block) noexcept;
  void give_oldest(Recent& recent, std::size_t count) noexcept;
  [[nodiscard]] std::uint8_t* take_large(std::size_t index) noexcept;
  [[nodiscard]] Slab* open_slab(std::size_t index) noexcept;
  [[nodiscard]] std::uint8_t* carve(Rest& from, std::size_t bytes) noexcept;
  [[nodiscard]] Arena* add_arena() noexcept;
  [[nodiscard]] static Mapping map_arena() noexcept;
  [[nodiscard]] Mapping next_mapping() noexcept;
  [[nodiscard]] Arena* arena_of(const std::uint8_t* piece) noexcept;
  void look_for_memory() noexcept;
  void link(Slab* slab) noexcept;
  void unlink(Slab* slab) noexcept;
  std::size_t trim_large(std::size_t most) noexcept;
  void trim_slabs(std::size_t most) noexcept;
  void unmap_arenas() noexcept;
  [[nodiscard]] bool try_unmap(Arena& arena) noexcept;
  void forget_unmapped() noexcept;

  std::array<Recent, kSmallClasses> recent_{};
  std::array<Slab*, kSmallClasses> open_{};  // those that have a free block, by class
  std::array<Large, kLargeClasses> large_;
  HugeBlocks huge_;
  std::vector<Slab*> slabs_;
  std::vector<BareSlab> bare_slabs_;  // of no class; with room for all there are
  std::size_t next_look_ = 0;         // of slabs_
  std::uint32_t trims_ = 0;
  std::vector<std::unique_ptr<Arena>> arenas_;  // by address, the highest first
  Mapping spare_;                               // for take()
  Mapping pantry_;                              // for try_take_to_go_on()
  Rest slab_rest_;
  Rest large_rest_;
  std::size_t reserved_bytes_ = 0;  // but for huge_
  std::size_t used_bytes_ = 0;
  bool is_short_ = false;
  Mapping* reserve_ = nullptr;  // which may be used now
};

}  // namespace ringgate
