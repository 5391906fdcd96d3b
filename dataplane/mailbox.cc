#include "dataplane/mailbox.h"

#include <algorithm>
#include <bit>

namespace ringgate {

Mailbox::Mailbox(std::size_t bytes)
    : mask_(std::bit_ceil(std::max<std::size_t>(bytes, 4096)) - 1),
      control_reserve_((mask_ + 1) / 8),
      memory_(std::make_unique_for_overwrite<std::uint8_t[]>(mask_ + 1)) {}

Mailbox::~Mailbox() {
  publish();
  drain([](MailKind, ByteView) {});  // frees what travels by pointer
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

std::uint8_t* Mailbox::place(Head head, Urgency urgency) {
  const std::size_t needed = footprint(head.bytes);
  const std::size_t to_end = capacity_bytes() - (written_ & mask_);
  const std::size_t padding = to_end < needed ? to_end : 0;
  const std::size_t kept_free = urgency == Urgency::kControl ? 0 : control_reserve_;
  const auto fits = [&] {
    return written_ + padding + needed + kept_free - known_read_ <= capacity_bytes();
  };
  if (!fits()) {
    known_read_ = read_.load(std::memory_order_acquire);
    if (!fits()) return nullptr;
  }
  if (padding != 0) {
    const Head pad{static_cast<std::uint32_t>(padding - sizeof(Head)), kPad, 0};
    std::memcpy(memory_.get() + (written_ & mask_), &pad, sizeof pad);
    written_ += padding;
  }
  std::uint8_t* const at = memory_.get() + (written_ & mask_);
  std::memcpy(at, &head, sizeof head);
  written_ += needed;
  return at + sizeof(Head);
}

bool Mailbox::publish() noexcept {
  if (published_.load(std::memory_order_relaxed) == written_) return false;
  // Sequentially consistent: see Switchboard::prepare_sleep.
  published_.store(written_, std::memory_order_seq_cst);
  return true;
}

}  // namespace ringgate
