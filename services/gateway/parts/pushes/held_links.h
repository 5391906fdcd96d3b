// Links that are not read on, as what came on them cannot go on as fast: pushes wait for their
// slices here, or another shard has not read its mail. TCP tells their services. So no service's
// flood fills a mailbox, and what others have for that shard, pushes, answers and requests, finds
// room.
//
// One per shard, on its thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "services/gateway/parts/context.h"

namespace ringgate {

class HeldLinks {
 public:
  // Of pushes that wait for their slices: beyond it their links are not read.
  static constexpr std::size_t kMostWaitingBytes = std::size_t{4} * 1024 * 1024;
  // Of a mailbox, what has not been read: beyond it links are held that are fast, or all that have
  // something for it.
  static constexpr std::uint32_t kHoldFastPercent = 25;
  static constexpr std::uint32_t kHoldAllPercent = 50;
  static constexpr std::uint32_t kGoOnPercent = 12;
  // What one that is not fast mails in kWindowMs: 2 MB in a second.
  static constexpr std::size_t kSlowBytes = std::size_t{16} * 1024;
  static constexpr std::uint32_t kWindowMs = 8;
  // A shard that reads nothing for so long stands still: what is for it is dropped then, and what
  // is for others goes on.
  static constexpr std::uint32_t kPatienceMs = 250;

  explicit HeldLinks(GatewayContext& context) : context_(context) {}
  HeldLinks(const HeldLinks&) = delete;
  HeldLinks& operator=(const HeldLinks&) = delete;

  // So much of the packet that is being handed on has gone there by mail, or would have.
  void mailed(std::uint32_t shard, std::size_t bytes) noexcept;
  // All of it has; so much waits for slices now.
  void handed_on(Connection& link, std::size_t waiting_bytes);
  // Reads on when there is room again.
  void on_batch_end(std::size_t waiting_bytes) {
    if (!held_.empty()) [[unlikely]]
      release_in_time(waiting_bytes);
  }

 private:
  void hold(Connection& link);
  [[nodiscard]] bool is_too_fast(Connection& link) noexcept;
  void release_in_time(std::size_t waiting_bytes);
  [[nodiscard]] bool waits_for_mail() noexcept;

  GatewayContext& context_;
  std::vector<ConnectionHandle> held_;
  std::uint32_t held_since_ms_ = 0;  // the first of them
  bool gave_up_ = false;             // until mail is read again
  // Of the packet that is being handed on:
  std::size_t mailed_bytes_ = 0;
  std::uint32_t fill_percent_ = 0;  // of the fullest mailbox that it went to
};

}  // namespace ringgate
