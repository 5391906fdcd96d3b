// The io_uring set-up that the floors and the load generator share: the gateway's flags, a ring of
// provided 2 KiB buffers, multishot recv. It repeats a little of what dataplane/ does, on purpose:
// a floor that ran on the code it is to judge would hide that code's cost.
//
// A BenchRing belongs to the thread that called open (SINGLE_ISSUER) and is used by no other.
// Received bytes stay valid until return_buffers().
#pragma once

#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "codec/bytes.h"
#include "codec/error.h"

namespace ringgate::bench {

inline constexpr unsigned kSubmissionEntries = 4096;
inline constexpr unsigned kCompletionEntries = 65536;
inline constexpr unsigned kBufferCount = 4096;  // a power of two, as the kernel asks
inline constexpr unsigned kBufferBytes = 2048;
inline constexpr std::uint16_t kBufferGroup = 0;

class BenchRing {
 public:
  BenchRing() = default;
  ~BenchRing();
  BenchRing(const BenchRing&) = delete;
  BenchRing& operator=(const BenchRing&) = delete;

  // `direct_descriptors`: slots of the sparse table, 0 for none. `buffers`, a power of two: fewer
  // where many rings share the memory. The error is a sentence.
  [[nodiscard]] Result<void> open(unsigned direct_descriptors, unsigned buffers = kBufferCount);
  // The same without buffers, where nothing is ever received. A thread may have many of these: the
  // kernel registers no more than 16 rings with one.
  [[nodiscard]] Result<void> open_without_buffers(unsigned direct_descriptors);

  // Never null: a full submission queue is submitted first.
  [[nodiscard]] io_uring_sqe* sqe() noexcept;

  // `fixed`: fd is a slot of the table of direct descriptors.
  void arm_recv(int fd, bool fixed, std::uint64_t user_data) noexcept;

  // Submits what is queued and waits for one completion, at most `timeout_ms`; 0 or -errno.
  // A signal or the timeout is no error.
  int submit_and_wait(unsigned timeout_ms) noexcept;
  // The same, and lets completions gather for `gather_us` after the first: once all is submitted.
  int wait_gathering(unsigned timeout_ms, unsigned gather_us) noexcept;
  // The same in ns; 0 does not wait.
  int submit_and_wait_ns(std::uint64_t timeout_ns) noexcept;

  // Puts sockets into the table of direct descriptors, from slot `first` on: the table then holds
  // them, and the ordinary descriptors may be closed. 0 or -errno.
  [[nodiscard]] int set_direct(unsigned first, std::span<const int> sockets) noexcept;

  // Calls handle(const io_uring_cqe&) for every completion that is there; returns how many.
  template <class Handle>
  unsigned for_each_completion(Handle&& handle) {
    unsigned head = 0;
    unsigned count = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(&ring_, head, cqe) {
      handle(std::as_const(*cqe));
      ++count;
    }
    io_uring_cq_advance(&ring_, count);
    return count;
  }

  // The bytes of a recv completion with IORING_CQE_F_BUFFER; the buffer goes back to the kernel
  // with the next return_buffers().
  [[nodiscard]] MutableBytes take_received(const io_uring_cqe& cqe) noexcept;
  void return_buffers() noexcept;

 private:
  [[nodiscard]] Result<void> register_buffers();

  io_uring ring_{};
  bool open_ = false;
  unsigned buffer_count_ = kBufferCount;
  io_uring_buf_ring* buffer_ring_ = nullptr;
  std::uint8_t* buffers_ = nullptr;
  int returned_ = 0;
};

}  // namespace ringgate::bench
