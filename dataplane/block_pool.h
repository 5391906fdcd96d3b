// Memory of one shard: blocks in size classes, carved from large pieces and kept on free lists, so
// that the data path neither calls the system's allocator nor takes a lock.
//
// Owned and used by one thread. A block belongs to whoever took it until it is given back; blocks
// must be back before the pool is destroyed only if their memory is still looked at. With the
// address sanitizer, free blocks are poisoned.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace ringgate {

// A block and what it really holds: `capacity` may be more than was asked for.
struct Block {
  std::uint8_t* data = nullptr;
  std::uint32_t capacity = 0;
};

class BlockPool {
 public:
  static constexpr std::size_t kMinBlockBytes = 64;
  static constexpr std::size_t kMaxPooledBytes = 256 * 1024;  // above: the system's allocator
  static constexpr std::size_t kArenaBytes = 256 * 1024;

  BlockPool() = default;
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // At least `bytes` (1 ... 4 GiB - 1), aligned to 16. Never null: out of memory ends the process.
  [[nodiscard]] Block take(std::size_t bytes);
  void give(Block block) noexcept;

  // Gives the kernel the pages of large blocks that have been free in kIdleTrims trims that
  // followed each other, of at most kMostTrimmed of them. They are there again, as zeros, when they
  // are used.
  void trim() noexcept;
  static constexpr std::size_t kLargeBytes = 16 * 1024;
  static constexpr std::uint32_t kIdleTrims = 10;
  static constexpr int kMostTrimmed = 256;

  // What a block for `bytes` really holds: for giving back a block whose capacity was not kept.
  [[nodiscard]] static std::uint32_t capacity_of(std::size_t bytes) noexcept {
    return static_cast<std::uint32_t>(bytes > kMaxPooledBytes ? bytes
                                                              : class_bytes(class_of(bytes)));
  }

  // From the system, but for what trim() has given back.
  [[nodiscard]] std::size_t reserved_bytes() const noexcept { return reserved_bytes_; }
  [[nodiscard]] std::size_t used_bytes() const noexcept { return used_bytes_; }

 private:
  struct Free {
    Free* next;
    std::uint32_t idle_trims;
    std::uint32_t trimmed_bytes;
  };
  // Four classes per doubling: 64, 80, 96, 112, 128, 160, ...
  static constexpr std::size_t kClasses = 12 * 4 + 1;

  static std::size_t class_of(std::size_t bytes) noexcept;
  static std::size_t class_bytes(std::size_t index) noexcept;
  std::uint8_t* carve(std::size_t bytes);
  void trim(Free& block, std::size_t bytes) noexcept;

  std::array<Free*, kClasses> free_{};
  std::vector<std::unique_ptr<std::uint8_t[]>> arenas_;
  std::uint8_t* arena_next_ = nullptr;
  std::size_t arena_left_ = 0;
  std::size_t reserved_bytes_ = 0;
  std::size_t used_bytes_ = 0;
};

}  // namespace ringgate
