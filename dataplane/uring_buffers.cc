// Receive buffers of a ring: how many the kernel has.
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdint>

#include "dataplane/uring.h"

namespace ringgate {

int BufferRing::create(io_uring* ring, std::uint16_t group, unsigned count, unsigned buffer_bytes) {
  count_ = std::bit_ceil(count);
  buffer_bytes_ = buffer_bytes;
  entries_ = static_cast<io_uring_buf_ring*>(map(entries_bytes()));
  memory_ = static_cast<std::uint8_t*>(map(std::size_t{count_} * buffer_bytes_));
  if (entries_ == nullptr || memory_ == nullptr) return -ENOMEM;
  io_uring_buf_ring_init(entries_);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(entries_);
  registration.ring_entries = count_;
  registration.bgid = group;
  const int result = io_uring_register_buf_ring(ring, &registration, 0);
  if (result != 0) return result;
  in_use_ = first();
  kept_ = in_use_;
  for (unsigned id = 0; id < in_use_; ++id) add(static_cast<std::uint16_t>(id));
  io_uring_buf_ring_advance(entries_, pending_);
  pending_ = 0;
  return 0;
}

unsigned BufferRing::first() const noexcept {
  const auto few = static_cast<unsigned>(kFirstBytes / buffer_bytes_);
  return std::min(count_, std::bit_ceil(std::max(few, 1U)));
}

// Twice as many. Not while the kernel has some of those that are being taken back: with few of them
// in need of more it has soon used them up.
void BufferRing::grow() {
  if (retired_ != retiring_ || in_use_ == count_) return;
  retiring_ = 0;
  retired_ = 0;
  const unsigned more = std::min(in_use_, count_ - in_use_);
  for (unsigned i = 0; i < more; ++i) add(static_cast<std::uint16_t>(in_use_ + i));
  in_use_ += more;
  kept_ = in_use_;
}

void BufferRing::trim() {
  constexpr unsigned kManyTimes = 8;
  const bool enough = std::uint64_t{most_taken_} * kManyTimes <= kept_;
  most_taken_ = 0;
  if (retired_ != retiring_) {
    // The kernel has yet to fill each of these once more, which takes long where little comes. The
    // memory need not wait for that: what is filled again has memory again.
    if (enough && kept_ > first()) {
      kept_ /= 2;
      forget(kept_, in_use_ - kept_);
    }
    return;
  }
  if (retiring_ > 0) forget(in_use_, retiring_);
  retiring_ = 0;
  retired_ = 0;
  kept_ = in_use_;
  if (!enough || in_use_ <= first()) return;
  in_use_ /= 2;
  kept_ = in_use_;
  retiring_ = in_use_;
  // At once, although the kernel fills each of them once more: a shard that is silent may be so for
  // long.
  forget(in_use_, retiring_);
}

// Where it fails, the memory stays.
void BufferRing::forget(unsigned from, unsigned many) noexcept {
  madvise(buffer(static_cast<std::uint16_t>(from)), std::size_t{many} * buffer_bytes_,
          MADV_DONTNEED);
}

}  // namespace ringgate
