// A bounded queue of byte messages between exactly two threads, one that writes and one that reads.
//
// Messages are written in place (reserve), become visible together (publish, once per batch) and
// are read in order. Control messages may use a part that others may not, so that a flood of
// pushes cannot keep them out. A message larger than an eighth of the queue travels by pointer.
//
// This and Switchboard are the only places where threads of the data plane share memory.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "codec/bytes.h"

namespace ringgate {

// What a message is: see mail.h. Up to Mailbox::kMaxKind.
using MailKind = std::uint16_t;

enum class Urgency : std::uint8_t { kData, kControl };

class Mailbox {
 public:
  // `bytes` is rounded up to a power of two, at least 4 KiB.
  explicit Mailbox(std::size_t bytes);
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Writer: room for a message of `bytes`, or null when the queue is full. Aligned to 8.
  [[nodiscard]] std::uint8_t* reserve(MailKind kind, std::size_t bytes, Urgency urgency);
  // Writer: makes everything reserved so far visible. True: there was something new.
  bool publish() noexcept;

  // Reader: whether a message is there.
  [[nodiscard]] bool ready() const noexcept {
    return published_.load(std::memory_order_acquire) != read_.load(std::memory_order_relaxed);
  }
  // The same, sequentially consistent: the last look before the reader sleeps.
  [[nodiscard]] bool ready_for_sleep() const noexcept {
    return published_.load(std::memory_order_seq_cst) != read_.load(std::memory_order_relaxed);
  }
  // Reader: hands every published message to `use(kind, ByteView)`; views are valid for the call.
  // Returns the number of messages.
  template <class Use>
  std::size_t drain(Use&& use) {
    const std::uint64_t end = published_.load(std::memory_order_acquire);
    std::uint64_t at = read_.load(std::memory_order_relaxed);
    std::size_t messages = 0;
    while (at != end) {
      const Head head = head_at(at);
      std::uint8_t* const data = memory_.get() + ((at & mask_) + sizeof(Head));
      at += footprint(head.bytes);
      if (head.kind == kPad) continue;
      if (head.by_pointer != 0) {
        use_large(data, head.kind, use);
      } else {
        use(head.kind, ByteView{data, head.bytes});
      }
      ++messages;
    }
    read_.store(end, std::memory_order_release);
    return messages;
  }

  static constexpr MailKind kMaxKind = 0xFFFE;

  [[nodiscard]] std::size_t capacity_bytes() const noexcept { return mask_ + 1; }

  // Bound on messages that travel by pointer and have not been read. One that is larger by itself
  // crosses when no other is unread: what a frame may hold can always be handed on.
  static constexpr std::uint64_t kMaxLargeBytes = 64ull << 20;

 private:
  struct Head {
    std::uint32_t bytes;
    MailKind kind;
    std::uint16_t by_pointer;
  };
  static_assert(sizeof(Head) == 8);
  struct Large {
    std::uint8_t* data;
    std::uint64_t bytes;
  };
  static constexpr MailKind kPad = kMaxKind + 1;

  static constexpr std::size_t footprint(std::size_t bytes) noexcept {
    return sizeof(Head) + ((bytes + 7) & ~std::size_t{7});
  }
  [[nodiscard]] Head head_at(std::uint64_t at) const noexcept {
    Head head;
    std::memcpy(&head, memory_.get() + (at & mask_), sizeof head);
    return head;
  }
  std::uint8_t* place(Head head, Urgency urgency);
  std::uint8_t* reserve_large(MailKind kind, std::size_t bytes, Urgency urgency);

  template <class Use>
  void use_large(const std::uint8_t* record, MailKind kind, Use& use) {
    Large large;
    std::memcpy(&large, record, sizeof large);
    const std::unique_ptr<std::uint8_t[]> owner(large.data);
    use(kind, ByteView{large.data, large.bytes});
    large_read_.store(large_read_.load(std::memory_order_relaxed) + large.bytes,
                      std::memory_order_release);
  }

  std::size_t mask_;
  std::size_t control_reserve_;
  std::unique_ptr<std::uint8_t[]> memory_;

  // Each side's cells on cache lines of their own.
  alignas(64) std::uint64_t written_ = 0;  // writer only, ahead of published_
  std::uint64_t known_read_ = 0;           // writer only: the last read_ it has seen
  std::uint64_t large_written_ = 0;        // writer only
  std::atomic<std::uint64_t> published_{0};
  alignas(64) std::atomic<std::uint64_t> read_{0};
  std::atomic<std::uint64_t> large_read_{0};
};

}  // namespace ringgate
