#include "benchmarks/common/bench_ring.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

namespace ringgate::bench {
namespace {

constexpr std::size_t ring_bytes(unsigned buffers) {
  return buffers * sizeof(io_uring_buf);
}
constexpr std::size_t memory_bytes(unsigned buffers) {
  return std::size_t{buffers} * kBufferBytes;
}

bool is_harmless(int result) {
  return result >= 0 || result == -ETIME || result == -EINTR || result == -EAGAIN ||
         result == -EBUSY;
}

std::string setup_error(int error) {
  switch (error) {
    case EPERM:
    case ENOSYS:
      return "io_uring is not permitted here: set sysctl kernel.io_uring_disabled=0, and in a "
             "container allow the io_uring system calls in its seccomp profile";
    case EINVAL:
      return "this kernel lacks the io_uring features needed: use Linux 6.1 or newer";
    case ENOMEM:
      return "not enough memory for a ring: free some, or raise the memory limit";
    default:
      return fmt::format("cannot create a ring: {}", std::strerror(error));
  }
}

void* map_pages(std::size_t bytes) {
  void* pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  return pages == MAP_FAILED ? nullptr : pages;
}

}  // namespace

BenchRing::~BenchRing() {
  if (open_) io_uring_queue_exit(&ring_);
  if (buffer_ring_ != nullptr) munmap(buffer_ring_, ring_bytes(buffer_count_));
  if (buffers_ != nullptr) munmap(buffers_, memory_bytes(buffer_count_));
}

Result<void> BenchRing::open(unsigned direct_descriptors, unsigned buffers) {
  buffer_count_ = buffers;
  if (auto opened = open_without_buffers(direct_descriptors); !opened) return opened;
  if (const int result = io_uring_register_ring_fd(&ring_); result < 0) {
    return fail(fmt::format("cannot register the ring: {}", std::strerror(-result)));
  }
  return register_buffers();
}

Result<void> BenchRing::open_without_buffers(unsigned direct_descriptors) {
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL |
                 IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
  params.cq_entries = kCompletionEntries;
  int result = io_uring_queue_init_params(kSubmissionEntries, &ring_, &params);
  if (result < 0) return fail(setup_error(-result));
  open_ = true;
  if (direct_descriptors > 0) {
    result = io_uring_register_files_sparse(&ring_, direct_descriptors);
    if (result < 0) {
      return fail(fmt::format("cannot register {} direct descriptors: {}; raise `ulimit -n`",
                              direct_descriptors, std::strerror(-result)));
    }
  }
  return {};
}

Result<void> BenchRing::register_buffers() {
  buffer_ring_ = static_cast<io_uring_buf_ring*>(map_pages(ring_bytes(buffer_count_)));
  buffers_ = static_cast<std::uint8_t*>(map_pages(memory_bytes(buffer_count_)));
  if (buffer_ring_ == nullptr || buffers_ == nullptr) return fail(setup_error(ENOMEM));
  io_uring_buf_reg reg{};
  reg.ring_addr = reinterpret_cast<std::uintptr_t>(buffer_ring_);
  reg.ring_entries = buffer_count_;
  reg.bgid = kBufferGroup;
  if (const int result = io_uring_register_buf_ring(&ring_, &reg, 0); result < 0) {
    return fail(fmt::format("cannot register a ring of buffers: {}", std::strerror(-result)));
  }
  io_uring_buf_ring_init(buffer_ring_);
  for (unsigned id = 0; id < buffer_count_; ++id) {
    io_uring_buf_ring_add(buffer_ring_, buffers_ + std::size_t{id} * kBufferBytes, kBufferBytes,
                          static_cast<std::uint16_t>(id), io_uring_buf_ring_mask(buffer_count_),
                          static_cast<int>(id));
  }
  io_uring_buf_ring_advance(buffer_ring_, static_cast<int>(buffer_count_));
  return {};
}

io_uring_sqe* BenchRing::sqe() noexcept {
  io_uring_sqe* free = io_uring_get_sqe(&ring_);
  while (free == nullptr) {
    io_uring_submit(&ring_);
    free = io_uring_get_sqe(&ring_);
  }
  return free;
}

void BenchRing::arm_recv(int fd, bool fixed, std::uint64_t user_data) noexcept {
  io_uring_sqe* recv = sqe();
  io_uring_prep_recv_multishot(recv, fd, nullptr, 0, 0);
  recv->ioprio |= IORING_RECVSEND_POLL_FIRST;
  recv->flags |= IOSQE_BUFFER_SELECT;
  if (fixed) recv->flags |= IOSQE_FIXED_FILE;
  recv->buf_group = kBufferGroup;
  io_uring_sqe_set_data64(recv, user_data);
}

int BenchRing::submit_and_wait(unsigned timeout_ms) noexcept {
  return submit_and_wait_ns(std::uint64_t{timeout_ms} * 1'000'000);
}

// As Uring::wait_gathering does it.
int BenchRing::wait_gathering(unsigned timeout_ms, unsigned gather_us) noexcept {
  constexpr unsigned kMost = 1024;  // completions
  if (io_uring_sq_ready(&ring_) > 0) return submit_and_wait(timeout_ms);
  __kernel_timespec timeout{};
  timeout.tv_nsec = static_cast<long long>(timeout_ms) * 1'000'000;
  io_uring_getevents_arg how{};
  how.pad = gather_us;  // min_wait_usec, Linux 6.12
  how.ts = reinterpret_cast<std::uintptr_t>(&timeout);
  const int result = io_uring_enter2(static_cast<unsigned>(ring_.ring_fd), 0, kMost,
                                     IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG,
                                     reinterpret_cast<sigset_t*>(&how), sizeof how);
  return is_harmless(result) ? 0 : result;
}

int BenchRing::submit_and_wait_ns(std::uint64_t timeout_ns) noexcept {
  constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
  int result = 0;
  if (timeout_ns == 0) {
    result = io_uring_submit_and_get_events(&ring_);
  } else {
    __kernel_timespec timeout{};
    timeout.tv_sec = static_cast<long long>(timeout_ns / kNsPerSecond);
    timeout.tv_nsec = static_cast<long long>(timeout_ns % kNsPerSecond);
    io_uring_cqe* first = nullptr;
    result = io_uring_submit_and_wait_timeout(&ring_, &first, 1, &timeout, nullptr);
  }
  return is_harmless(result) ? 0 : result;
}

int BenchRing::set_direct(unsigned first, std::span<const int> sockets) noexcept {
  const auto count = static_cast<unsigned>(sockets.size());
  const int result = io_uring_register_files_update(&ring_, first, sockets.data(), count);
  if (result < 0) return result;
  return static_cast<unsigned>(result) == count ? 0 : -EBADF;
}

MutableBytes BenchRing::take_received(const io_uring_cqe& cqe) noexcept {
  const auto id = static_cast<std::uint16_t>(cqe.flags >> IORING_CQE_BUFFER_SHIFT);
  std::uint8_t* bytes = buffers_ + std::size_t{id} * kBufferBytes;
  io_uring_buf_ring_add(buffer_ring_, bytes, kBufferBytes, id,
                        io_uring_buf_ring_mask(buffer_count_), returned_++);
  return {bytes, cqe.res > 0 ? static_cast<std::size_t>(cqe.res) : 0};
}

void BenchRing::return_buffers() noexcept {
  if (returned_ == 0) return;
  io_uring_buf_ring_advance(buffer_ring_, returned_);
  returned_ = 0;
}

}  // namespace ringgate::bench
