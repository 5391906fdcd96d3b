#include "dataplane/mailbox.h"

#include <algorithm>
#include <bit>

namespace ringgate {
namespace {

// Of a queue that has carried nothing yet: with many shards most pairs never say a word.
constexpr std::size_t kUnusedBytes = 512;

}  // namespace

Mailbox::Mailbox(std::size_t bytes)
    : bound_(std::bit_ceil(std::max<std::size_t>(bytes, 4096))),
      control_reserve_(bound_ / 8),
      writing_(allocate(bound_ > kFirstBytes ? kUnusedBytes : bound_)),
      reading_(writing_) {}

Mailbox::~Mailbox() {
  publish();
  drain([](MailKind, ByteView) {});  // frees what travels by pointer, and memory that was left
  delete[] reading_.bytes;
}

Mailbox::Memory Mailbox::allocate(std::size_t bytes) {
  return {std::make_unique_for_overwrite<std::uint8_t[]>(bytes).release(), bytes - 1};
}

std::uint8_t* Mailbox::reserve(MailKind kind, std::size_t bytes, Urgency urgency) {
  if (bytes > capacity_bytes() / 8) return reserve_large(kind, bytes, urgency);
  return place({static_cast<std::uint32_t>(bytes), kind, 0}, urgency);
}

std::uint8_t* Mailbox::reserve_large(MailKind kind, std::size_t bytes, Urgency urgency) {
  const std::uint64_t unread = large_written_ - large_read_.load(std::memory_order_acquire);
  if (unread != 0 && unread + bytes > kMaxLargeBytes) return nullptr;
  std::uint8_t* const record = place({sizeof(Large), kind, 1}, urgency);
  if (record == nullptr) return nullptr;
  const Large large{new std::uint8_t[bytes], bytes};
  std::memcpy(record, &large, sizeof large);
  large_written_ += bytes;
  return large.data;
}

// A message is never cut in two by the end of the memory.
std::uint64_t Mailbox::padding_before(std::size_t needed) const noexcept {
  const std::uint64_t to_end = memory_bytes() - (written_ & writing_.mask);
  return to_end < needed ? to_end : 0;
}

bool Mailbox::fits(std::size_t needed, Urgency urgency) noexcept {
  std::size_t kept_free = urgency == Urgency::kControl ? 0 : control_reserve_;
  if (memory_bytes() < bound_) kept_free = kRoomForNext;
  const std::uint64_t end = written_ + padding_before(needed) + needed + kept_free;
  if (end - known_read_ <= memory_bytes()) return true;
  known_read_ = read_.load(std::memory_order_acquire);
  return end - known_read_ <= memory_bytes();
}

std::uint8_t* Mailbox::place(Head head, Urgency urgency) {
  const std::size_t needed = footprint(head.bytes);
  while (!fits(needed, urgency)) {
    if (memory_bytes() == bound_) return nullptr;
    const std::size_t more = std::bit_ceil(2 * std::max(memory_bytes(), needed));
    go_on_in(std::min(bound_, std::max(more, kFirstBytes)));
  }
  return write(head);
}

std::uint8_t* Mailbox::write(Head head) {
  const std::size_t needed = footprint(head.bytes);
  if (const std::uint64_t padding = padding_before(needed); padding != 0) {
    const Head pad{static_cast<std::uint32_t>(padding - sizeof(Head)), kPad, 0};
    std::memcpy(writing_.at(written_), &pad, sizeof pad);
    written_ += padding;
  }
  std::uint8_t* const at = writing_.at(written_);
  std::memcpy(at, &head, sizeof head);
  written_ += needed;
  return at + sizeof(Head);
}

// There is room for the record: see fits(), and trim().
void Mailbox::go_on_in(std::size_t bytes) {
  const Memory next = allocate(bytes);
  std::uint8_t* const record = write({sizeof next, kNext, 0});
  std::memcpy(record, &next, sizeof next);
  writing_ = next;
}

void Mailbox::follow(const std::uint8_t* record) noexcept {
  Memory next;
  std::memcpy(&next, record, sizeof next);
  delete[] reading_.bytes;
  reading_ = next;
}

// Looks at the reader's cells only where it might be more than a little.
std::uint32_t Mailbox::fill_percent() noexcept {
  constexpr std::uint64_t kLittle = 16;
  if (written_ - known_read_ > bound_ / kLittle) {
    known_read_ = read_.load(std::memory_order_acquire);
  }
  if (large_written_ - known_large_read_ > kMaxLargeBytes / kLittle) {
    known_large_read_ = large_read_.load(std::memory_order_acquire);
  }
  const std::uint64_t records = (written_ - known_read_) * 100 / bound_;
  const std::uint64_t large = (large_written_ - known_large_read_) * 100 / kMaxLargeBytes;
  return static_cast<std::uint32_t>(std::max(records, large));
}

void Mailbox::trim() {
  const bool carried_little = written_ - trimmed_at_ <= kFirstBytes / 2;
  trimmed_at_ = written_;
  if (!carried_little || memory_bytes() <= kFirstBytes) return;
  known_read_ = read_.load(std::memory_order_acquire);
  if (known_read_ == written_) go_on_in(kFirstBytes);
}

bool Mailbox::publish() noexcept {
  if (published_.load(std::memory_order_relaxed) == written_) return false;
  // Sequentially consistent: see Switchboard::prepare_sleep.
  published_.store(written_, std::memory_order_seq_cst);
  return true;
}

}  // namespace ringgate
