// A ring of io_uring: the only place that knows liburing. For uring*.cc only.
#pragma once

#include <liburing.h>
#include <sys/mman.h>

#include <algorithm>
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

// Receive buffers of one group. liburing 2.3 has no io_uring_setup_buf_ring: registered and mapped
// here.
//
// The kernel uses them in turn, so that each that it has is touched and stays. It is given few at
// first and more when it needed most of them in one turn; trim() takes half of them back where it
// has long needed few, and their memory with them.
class BufferRing {
 public:
  BufferRing() = default;
  BufferRing(const BufferRing&) = delete;
  BufferRing& operator=(const BufferRing&) = delete;
  ~BufferRing() {
    if (entries_ != nullptr) munmap(entries_, entries_bytes());
    if (memory_ != nullptr) munmap(memory_, std::size_t{count_} * buffer_bytes_);
  }

  int create(io_uring* ring, std::uint16_t group, unsigned count, unsigned buffer_bytes);

  // What the caller has done with; the kernel sees it at the next publish().
  void give_back(std::uint16_t id) {
    ++taken_;
    if (id < in_use_) [[likely]] {
      add(id);
    } else {
      ++retired_;
    }
  }

  // At the end of a turn, when every buffer that was taken in it has been given back.
  void publish() {
    if (taken_ == 0) return;
    most_taken_ = std::max(most_taken_, taken_);
    if (taken_ > in_use_ / 4 * 3) [[unlikely]]
      grow();
    taken_ = 0;
    if (pending_ == 0) return;
    io_uring_buf_ring_advance(entries_, pending_);
    pending_ = 0;
  }

  // Now and then, after publish().
  void trim();

  [[nodiscard]] std::uint8_t* buffer(std::uint16_t id) const {
    return memory_ + std::size_t{id} * buffer_bytes_;
  }
  [[nodiscard]] std::size_t bytes_in_use() const noexcept {
    return std::size_t{kept_} * buffer_bytes_;
  }

  static constexpr std::size_t kFirstBytes = std::size_t{128} * 1024;

 private:
  void add(std::uint16_t id) {
    io_uring_buf_ring_add(entries_, buffer(id), buffer_bytes_, id, static_cast<int>(count_ - 1),
                          pending_++);
  }
  void grow();
  void forget(unsigned from, unsigned many) noexcept;
  [[nodiscard]] unsigned first() const noexcept;
  [[nodiscard]] std::size_t entries_bytes() const { return count_ * sizeof(io_uring_buf); }

  static void* map(std::size_t bytes) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? nullptr : memory;
  }

  io_uring_buf_ring* entries_ = nullptr;
  std::uint8_t* memory_ = nullptr;
  unsigned count_ = 0;
  unsigned buffer_bytes_ = 0;
  unsigned in_use_ = 0;      // ids below it are given to the kernel
  unsigned kept_ = 0;        // of these, those whose memory was not given back
  unsigned retiring_ = 0;    // so many from there on are no longer,
  unsigned retired_ = 0;     // and so many of these the kernel has used up
  unsigned taken_ = 0;       // in this turn
  unsigned most_taken_ = 0;  // in a turn, since the last trim()
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
  bool is_registered = false;        // its descriptor is
  bool gathers_completions = false;  // the kernel has min_wait_usec
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
  void set_user_timeout(File file, const std::uint32_t& milliseconds, std::uint64_t tag) override;
  void cancel(std::uint64_t target_tag, std::uint64_t tag) override;
  void poll_multishot(int fd, std::uint64_t tag) override;
  void submit_and_wait(unsigned timeout_ms) override;
  void wait_gathering(unsigned timeout_ms, unsigned gather_us) override;
  [[nodiscard]] bool gathers() const noexcept override { return state_->gathers_completions; }
  [[nodiscard]] unsigned reap(std::span<Completion> out) override;
  [[nodiscard]] MutableBytes received(BufferGroup group,
                                      const Completion& completion) const override;
  void recycle(BufferGroup group, std::uint16_t buffer_id) override;
  void publish_buffers() override;
  void trim_buffers() override;
  [[nodiscard]] std::size_t buffer_bytes() const noexcept override;

 private:
  explicit Uring(std::unique_ptr<UringState> state) : state_(std::move(state)) {}
  void waited(int result);

  std::unique_ptr<UringState> state_;
};

}  // namespace ringgate
