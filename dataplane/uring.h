// A ring of io_uring: the only place that knows liburing. For uring*.cc only.
#pragma once

#include <liburing.h>
#include <sys/mman.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "dataplane/check.h"
#include "dataplane/ring.h"

namespace ringgate {

// The kernel's own linux/io_uring.h has the same include guard, and in C++ its empty struct moves
// the buffers by eight bytes from where the kernel looks for them. It must not come first.
static_assert(offsetof(io_uring_buf_ring, bufs) == 0);

// liburing 2.3 has no io_uring_setup_buf_ring: registered and mapped here.
class BufferRing {
 public:
  BufferRing() = default;
  BufferRing(const BufferRing&) = delete;
  BufferRing& operator=(const BufferRing&) = delete;
  ~BufferRing() {
    if (entries_ != nullptr) munmap(entries_, entries_bytes());
    if (memory_ != nullptr) munmap(memory_, std::size_t{count_} * buffer_bytes_);
  }

  int create(io_uring* ring, std::uint16_t group, unsigned count, unsigned buffer_bytes) {
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
    for (unsigned id = 0; id < count_; ++id) add(static_cast<std::uint16_t>(id));
    publish();
    return 0;
  }

  void add(std::uint16_t id) {
    io_uring_buf_ring_add(entries_, buffer(id), buffer_bytes_, id, static_cast<int>(count_ - 1),
                          pending_++);
  }

  void publish() {
    if (pending_ == 0) return;
    io_uring_buf_ring_advance(entries_, pending_);
    pending_ = 0;
  }

  [[nodiscard]] std::uint8_t* buffer(std::uint16_t id) const {
    return memory_ + std::size_t{id} * buffer_bytes_;
  }

 private:
  [[nodiscard]] std::size_t entries_bytes() const { return count_ * sizeof(io_uring_buf); }

  static void* map(std::size_t bytes) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? nullptr : memory;
  }

  io_uring_buf_ring* entries_ = nullptr;
  std::uint8_t* memory_ = nullptr;
  unsigned count_ = 0;
  unsigned buffer_bytes_ = 0;
  int pending_ = 0;
};

// How long the kernel has been short of memory.
class Patience {
 public:
  // Memory for a submission, or for a completion, was there.
  void reset() noexcept { since_ms_ = 0; }
  // There was none, for a while now: pauses for a millisecond. After kMost ends the process: what
  // it has to say cannot be said any more.
  void pause();

 private:
  static constexpr std::uint64_t kMostMs = 10'000;
  std::uint64_t since_ms_ = 0;
};

struct UringState {
  io_uring ring{};
  bool initialized = false;
  std::array<BufferRing, 2> buffers;
  Patience patience;
  std::deque<Completion> aside;  // taken early, because the kernel had no place left for them

  std::uint8_t looked_at = 0;  // where look() puts a byte that nobody reads

  // send_gather's message headers: the kernel reads them while submitting, so they are free again
  // after each submission.
  struct Gather {
    msghdr message{};
    std::array<iovec, Ring::kMaxPieces> pieces{};
  };
  static constexpr std::size_t kGathers = 128;
  std::vector<Gather> gathers = std::vector<Gather>(kGathers);
  std::size_t gathers_used = 0;

  ~UringState() {
    if (initialized) io_uring_queue_exit(&ring);
  }

  io_uring_sqe* next_sqe() {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring);
    if (sqe == nullptr) [[unlikely]] {
      submit_all();
      sqe = io_uring_get_sqe(&ring);
      RINGGATE_CHECK(sqe != nullptr);
    }
    return sqe;
  }

  // Until the kernel has taken everything, also when it is short of memory for a while.
  void submit_all();
  unsigned take(std::span<Completion> out);
  Gather& next_gather();

  // Not while a submission entry that points to one waits for the kernel to have memory again.
  void free_gathers() {
    if (io_uring_sq_ready(&ring) == 0) gathers_used = 0;
  }

  static void set_file(io_uring_sqe* sqe, File file) {
    if (file.direct) sqe->flags |= IOSQE_FIXED_FILE;
  }
};

class Uring final : public Ring {
 public:
  // What the kernel forbids, or does not have, is an error with `unusable`; a want of memory or of
  // descriptors is another.
  static Result<std::unique_ptr<Ring>> create(const RingOptions& options, bool& unusable);

  void accept_direct(int listen_fd, sockaddr_storage* address, socklen_t* address_bytes,
                     std::uint64_t tag) override;
  void accept(int listen_fd, sockaddr_storage* address, socklen_t* address_bytes,
              std::uint64_t tag) override;
  void recv_multishot(File file, BufferGroup group, std::uint64_t tag) override;
  void recv(File file, BufferGroup group, std::uint64_t tag) override;
  void poll(File file, std::uint64_t tag) override;
  void look(File file, std::uint64_t tag) override;
  void send(File file, const std::uint8_t* data, std::size_t bytes, std::uint64_t tag) override;
  void send_gather(File file, std::span<const iovec> pieces, std::uint64_t tag) override;
  void shutdown(File file, int how, std::uint64_t tag) override;
  void close(File file, std::uint64_t tag) override;
  void cancel(std::uint64_t target_tag, std::uint64_t tag) override;
  void poll_multishot(int fd, std::uint64_t tag) override;
  void submit_and_wait(unsigned timeout_ms) override;
  [[nodiscard]] unsigned reap(std::span<Completion> out) override;
  [[nodiscard]] MutableBytes received(BufferGroup group,
                                      const Completion& completion) const override;
  void recycle(BufferGroup group, std::uint16_t buffer_id) override;
  void publish_buffers() override;

 private:
  explicit Uring(std::unique_ptr<UringState> state) : state_(std::move(state)) {}

  std::unique_ptr<UringState> state_;
};

}  // namespace ringgate
