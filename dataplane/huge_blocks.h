// Blocks with a mapping of their own each: those that are longer than what a BlockPool is made of.
//
// Not of malloc: it raises the size from which it maps what is asked for with the first such block
// that is freed, and keeps what is given back later. Where that size is fixed all goes back at
// once, and a packet takes twice the time, most of it for pages that are mapped and cleared anew.
// So blocks that are given back are kept for whoever asks for as much, until nobody has for a
// while.
//
// On its owner's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ringgate {

class HugeBlocks {
 public:
  static constexpr std::size_t kMaxKeptBytes = 64 * 1024 * 1024;       // above: goes back at once
  static constexpr std::size_t kMostUnmappedBytes = 16 * 1024 * 1024;  // in one trim, or one block

  HugeBlocks() = default;
  HugeBlocks(const HugeBlocks&) = delete;
  HugeBlocks& operator=(const HugeBlocks&) = delete;
  // Blocks that somebody has stay mapped.
  ~HugeBlocks();

  // Exactly so many, at the beginning of a page; in no core file. Null: there is no memory for it.
  [[nodiscard]] std::uint8_t* take(std::size_t bytes) noexcept;
  void give(std::uint8_t* block, std::size_t bytes) noexcept;
  // Unmaps what nobody has had in the last `idle_trims` trims, the longest free first.
  void trim(std::uint32_t idle_trims) noexcept;
  // The same, whoever had it when. False: nothing was kept.
  bool trim_all() noexcept;

  // Of the system: what somebody has, and what is kept.
  [[nodiscard]] std::size_t reserved_bytes() const noexcept { return reserved_bytes_; }

 private:
  struct Kept {
    std::uint8_t* block = nullptr;
    std::size_t bytes = 0;
    std::uint32_t since = 0;  // of trims_
  };

  [[nodiscard]] static std::uint8_t* map(std::size_t bytes) noexcept;
  void unmap(std::uint8_t* block, std::size_t bytes) noexcept;
  [[nodiscard]] bool may_keep(std::size_t bytes) noexcept;

  std::vector<Kept> kept_;  // the longest free first
  std::uint32_t trims_ = 0;
  std::size_t reserved_bytes_ = 0;
};

}  // namespace ringgate
