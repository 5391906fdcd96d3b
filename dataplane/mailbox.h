// A bounded queue of byte messages between exactly two threads, one that writes and one that reads.
//
// Messages are written in place (reserve), become visible together (publish, once per batch) and
// are read in order. Control messages may use a part that others may not, so that a flood of
// pushes cannot keep them out. A message larger than an eighth of the queue travels by pointer.
//
// There is one for every two threads, and most of them carry little: a queue begins with
// kFirstBytes and takes more when it is full, up to its bound. What takes more is a record like
// others, which sends the reader on to the larger memory; the reader frees what it has left.
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
  // The bound; it is rounded up to a power of two, at least 4 KiB.
  explicit Mailbox(std::size_t bytes);
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Writer: room for a message of `bytes`, or null when the queue is full. Aligned to 8.
  [[nodiscard]] std::uint8_t* reserve(MailKind kind, std::size_t bytes, Urgency urgency);
  // Writer: makes everything reserved so far visible. True: there was something new.
  bool publish() noexcept;
  // Writer, now and then: an empty queue that has carried little since the last call gets by with
  // what it had at first. Seen by the reader after publish().
  void trim();

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
      std::uint8_t* const data = reading_.at(at) + sizeof(Head);
      at += footprint(head.bytes);
      if (head.kind > kMaxKind) [[unlikely]] {
        if (head.kind == kNext) follow(data);
        continue;
      }
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

  static constexpr MailKind kMaxKind = 0xFFFD;

  [[nodiscard]] std::size_t capacity_bytes() const noexcept { return bound_; }
  // Writer: what it takes at the moment.
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return writing_.mask + 1; }

  // Writer: how much of its bound has not been read.
  [[nodiscard]] std::uint32_t fill_percent() noexcept;

  static constexpr std::size_t kFirstBytes = std::size_t{16} * 1024;

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
  // A power of two of bytes; positions wrap around in it.
  struct Memory {
    std::uint8_t* bytes = nullptr;
    std::uint64_t mask = 0;
    [[nodiscard]] std::uint8_t* at(std::uint64_t position) const noexcept {
      return bytes + (position & mask);
    }
  };
  static constexpr MailKind kPad = kMaxKind + 1;
  static constexpr MailKind kNext = kMaxKind + 2;
  // What a queue that can grow keeps free, so that it can say so: the record, and padding before
  // it.
  static constexpr std::size_t kRoomForNext = 2 * (sizeof(Head) + sizeof(Memory));

  static constexpr std::size_t footprint(std::size_t bytes) noexcept {
    return sizeof(Head) + ((bytes + 7) & ~std::size_t{7});
  }
  [[nodiscard]] Head head_at(std::uint64_t at) const noexcept {
    Head head;
    std::memcpy(&head, reading_.at(at), sizeof head);
    return head;
  }
  [[nodiscard]] static Memory allocate(std::size_t bytes);
  [[nodiscard]] std::uint64_t padding_before(std::size_t needed) const noexcept;
  [[nodiscard]] bool fits(std::size_t needed, Urgency urgency) noexcept;
  std::uint8_t* place(Head head, Urgency urgency);
  std::uint8_t* write(Head head);
  void go_on_in(std::size_t bytes);
  void follow(const std::uint8_t* record) noexcept;
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

  std::size_t bound_;
  std::size_t control_reserve_;

  // Each side's cells on cache lines of their own. Of the writer only, but for published_:
  alignas(64) Memory writing_;
  std::uint64_t written_ = 0;     // ahead of published_
  std::uint64_t known_read_ = 0;  // the last read_ it has seen
  std::uint64_t large_written_ = 0;
  std::uint64_t known_large_read_ = 0;  // the last large_read_ it has seen
  std::uint64_t trimmed_at_ = 0;        // written_ at the last trim()
  std::atomic<std::uint64_t> published_{0};
  alignas(64) std::atomic<std::uint64_t> read_{0};
  std::atomic<std::uint64_t> large_read_{0};
  Memory reading_;  // of the reader only
};

}  // namespace ringgate
