#include "dataplane/uring.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "dataplane/clock.h"
#include "dataplane/end_process.h"

namespace ringgate {
namespace {

// The kernel has no memory, or no place for completions, at the moment.
bool is_short(int result) {
  return result == -EAGAIN || result == -EBUSY || result == -ENOMEM;
}

// Of io_uring_enter. What no later call will do better ends the process: a shard without its ring
// would look alive and serve nobody.
void end_if_fatal(int result) {
  if (result >= 0 || result == -ETIME || result == -EINTR || is_short(result)) return;
  if (result == -EBADR) {
    end_process("the kernel had no memory for completions of io_uring and has lost some");
  }
  end_process(fmt::format(
      "io_uring_enter fails: {}; was it forbidden (seccomp) while this process was running?",
      std::strerror(-result)));
}

__kernel_timespec timespec_of(unsigned ms) {
  __kernel_timespec time{};
  time.tv_sec = ms / 1000;
  time.tv_nsec = static_cast<long long>(ms % 1000) * 1'000'000;
  return time;
}

}  // namespace

void Patience::pause() {
  const std::uint64_t now_ms = Clock::monotonic_ms();
  if (since_ms_ == 0) since_ms_ = now_ms;
  if (now_ms - since_ms_ > kMostMs) {
    end_process(fmt::format("the kernel has had no memory for io_uring for {} s", kMostMs / 1000));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

void UringState::submit_all() {
  while (io_uring_sq_ready(&ring) > 0) {
    const unsigned before = io_uring_sq_ready(&ring);
    end_if_fatal(io_uring_submit(&ring));
    if (io_uring_sq_ready(&ring) < before) {
      patience.reset();
      continue;
    }
    // Completions that the kernel has no place for may be what is in its way.
    std::array<Completion, 64> completions;
    for (unsigned taken = completions.size(); taken == completions.size();) {
      taken = take(completions);
      aside.insert(aside.end(), completions.begin(), completions.begin() + taken);
    }
    patience.pause();
  }
  gathers_used = 0;
}

UringState::Gather& UringState::next_gather() {
  RINGGATE_CHECK(gathers_used < kGathers);
  return gathers[gathers_used++];
}

// Straight from the kernel.
unsigned UringState::take(std::span<Completion> out) {
  unsigned taken = 0;
  unsigned head = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(&ring, head, cqe) {
    if (taken == out.size()) break;
    Completion& completion = out[taken++];
    completion.tag = cqe->user_data;
    completion.result = cqe->res;
    completion.more = (cqe->flags & IORING_CQE_F_MORE) != 0;
    completion.has_buffer = (cqe->flags & IORING_CQE_F_BUFFER) != 0;
    completion.buffer_id = static_cast<std::uint16_t>(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
  }
  io_uring_cq_advance(&ring, taken);
  return taken;
}

void Uring::accept_direct(int listen_fd, sockaddr_storage* address, socklen_t* address_bytes,
                          std::uint64_t tag) {
  io_uring_sqe* sqe = state_->next_sqe();
  io_uring_prep_accept_direct(sqe, listen_fd, reinterpret_cast<sockaddr*>(address), address_bytes,
                              0, 0);
  // liburing 2.3 adds one to the index it is given, which turns ALLOC into "an ordinary fd".
  sqe->file_index = IORING_FILE_INDEX_ALLOC;
  io_uring_sqe_set_data64(sqe, tag);
}

void Uring::accept(int listen_fd, sockaddr_storage* address, socklen_t* address_bytes,
                   std::uint64_t tag) {
  io_uring_sqe* sqe = state_->next_sqe();
  io_uring_prep_accept(sqe, listen_fd, reinterpret_cast<sockaddr*>(address), address_bytes,
                       SOCK_CLOEXEC);
  io_uring_sqe_set_data64(sqe, tag);
}

void Uring::recv_multishot(File file, BufferGroup group, std::uint64_t tag) {
  io_uring_sqe* sqe = state_->next_sqe();
  io_uring_prep_recv_multishot(sqe, file.fd, nullptr, 0, 0);
  sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = static_cast<std::uint16_t>(group);
  UringState::set_file(sqe, file);
  io_uring_sqe_set_data64(sqe, tag);
}

void Uring::recv(File file, BufferGroup group, std::uint64_t tag) {
  io_uring_sqe* sqe = state_->next_sqe();
  io_uring_prep_recv(sqe, file.fd, nullptr, 0, 0);  // as much as the buffer holds
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = static_cast<std::uint16_t>(group);
  UringState::set_file(sqe, file);
  io_uring_sqe_set_data64(sqe, tag);
}

void Uring::poll(File file, std::uint64_t tag) {
  io_uring_sqe* sqe = state_->next_sqe();
  io_uring_prep_poll_add(sqe, file.fd, POLLIN | POLLRDHUP);  // errors and hang-ups always count
  UringState::set_file(sqe, file);
  io_uring_sqe_set_data64(sqe, tag);
}

void Uring::look(File file, std::uint64_t tag) {
  io_uring_sqe* sqe = state_->next_sqe();
  io_uring_prep_recv(sqe, file.fd, &state_->looked_at, 1, MSG_PEEK | MSG_DONTWAIT);
  UringState::set_file(sqe, file);
  io_uring_sqe_set_data64(sqe, tag);
}

void Uring::send(File file, const std::uint8_t* data, std::size_t bytes, std::uint64_t tag) {
  io_uring_sqe* sqe = state_->next_sqe();
  io_uring_prep_send(sqe, file.fd, data, bytes, MSG_WAITALL | MSG_NOSIGNAL);
  UringState::set_file(sqe, file);
  io_uring_sqe_set_data64(sqe, tag);
}

void Uring::send_gather(File file, std::span<const iovec> pieces, std::uint64_t tag) {
  RINGGATE_CHECK(pieces.size() <= kMaxPieces);
  if (state_->gathers_used == UringState::kGathers) state_->submit_all();
  io_uring_sqe* sqe = state_->next_sqe();  // first: it may submit, which frees all gathers
  UringState::Gather& gather = state_->next_gather();
  std::copy(pieces.begin(), pieces.end(), gather.pieces.begin());
  gather.message = {};
  gather.message.msg_iov = gather.pieces.data();
  gather.message.msg_iovlen = pieces.size();
  io_uring_prep_sendmsg(sqe, file.fd, &gather.message, MSG_WAITALL | MSG_NOSIGNAL);
  UringState::set_file(sqe, file);
  io_uring_sqe_set_data64(sqe, tag);
}

void Uring::shutdown(File file, int how, std::uint64_t tag) {
  io_uring_sqe* sqe = state_->next_sqe();
  io_uring_prep_shutdown(sqe, file.fd, how);
  UringState::set_file(sqe, file);
  io_uring_sqe_set_data64(sqe, tag);
}

void Uring::close(File file, std::uint64_t tag) {
  io_uring_sqe* sqe = state_->next_sqe();
  if (file.direct) {
    io_uring_prep_close_direct(sqe, static_cast<unsigned>(file.fd));
  } else {
    io_uring_prep_close(sqe, file.fd);
  }
  io_uring_sqe_set_data64(sqe, tag);
}

void Uring::cancel(std::uint64_t target_tag, std::uint64_t tag) {
  io_uring_sqe* sqe = state_->next_sqe();
  io_uring_prep_cancel64(sqe, target_tag, 0);
  io_uring_sqe_set_data64(sqe, tag);
}

// liburing 2.3 does not know of it, nor its headers: where SOCKET_URING_OP_SETSOCKOPT has its
// arguments is said in include/uapi/linux/io_uring.h of Linux 6.7.
void Uring::set_user_timeout(File file, const std::uint32_t& milliseconds, std::uint64_t tag) {
  constexpr std::uint64_t kSetSockOpt = 3;
  io_uring_sqe* sqe = state_->next_sqe();
  io_uring_prep_rw(IORING_OP_URING_CMD, sqe, file.fd, nullptr, 0, kSetSockOpt);
  sqe->addr = std::uint64_t{TCP_USER_TIMEOUT} << 32U | IPPROTO_TCP;
  sqe->file_index = sizeof milliseconds;
  sqe->addr3 = reinterpret_cast<std::uintptr_t>(&milliseconds);
  UringState::set_file(sqe, file);
  sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
  io_uring_sqe_set_data64(sqe, tag);
}

void Uring::poll_multishot(int fd, std::uint64_t tag) {
  io_uring_sqe* sqe = state_->next_sqe();
  io_uring_prep_poll_multishot(sqe, fd, POLLIN);
  io_uring_sqe_set_data64(sqe, tag);
}

void Uring::submit_and_wait(unsigned timeout_ms) {
  if (!state_->aside.empty()) timeout_ms = 0;
  io_uring_cqe* cqe = nullptr;
  __kernel_timespec timeout = timespec_of(timeout_ms);
  const int result = io_uring_submit_and_wait_timeout(&state_->ring, &cqe, 1, &timeout, nullptr);
  waited(result);
}

// liburing 2.3 does not know of min_wait_usec, which is where the padding was.
void Uring::wait_gathering(unsigned timeout_ms, unsigned gather_us) {
  io_uring* const ring = &state_->ring;
  if (!state_->gathers_completions || !state_->aside.empty() || io_uring_sq_ready(ring) > 0) {
    submit_and_wait(timeout_ms);
    return;
  }
  __kernel_timespec timeout = timespec_of(timeout_ms);
  io_uring_getevents_arg how{};
  how.pad = gather_us;
  how.ts = reinterpret_cast<std::uintptr_t>(&timeout);
  unsigned flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
  if (state_->is_registered) flags |= IORING_ENTER_REGISTERED_RING;
  waited(io_uring_enter2(static_cast<unsigned>(ring->enter_ring_fd), 0, kGathered, flags,
                         reinterpret_cast<sigset_t*>(&how), sizeof how));
}

void Uring::waited(int result) {
  end_if_fatal(result);
  if (!is_short(result)) {
    state_->patience.reset();
  } else if (io_uring_cq_ready(&state_->ring) == 0) {  // what is not submitted stays in the queue
    state_->patience.pause();
  }
  state_->free_gathers();
}

unsigned Uring::reap(std::span<Completion> out) {
  std::deque<Completion>& aside = state_->aside;
  if (aside.empty()) [[likely]]
    return state_->take(out);
  const std::size_t taken = std::min(out.size(), aside.size());
  const auto end = aside.begin() + static_cast<std::ptrdiff_t>(taken);
  std::copy(aside.begin(), end, out.begin());
  aside.erase(aside.begin(), end);
  if (taken == out.size()) return static_cast<unsigned>(taken);
  return static_cast<unsigned>(taken) + state_->take(out.subspan(taken));
}

MutableBytes Uring::received(BufferGroup group, const Completion& completion) const {
  return {state_->buffers[static_cast<std::size_t>(group)].buffer(completion.buffer_id),
          static_cast<std::size_t>(completion.result)};
}

void Uring::recycle(BufferGroup group, std::uint16_t buffer_id) {
  state_->buffers[static_cast<std::size_t>(group)].give_back(buffer_id);
}

void Uring::publish_buffers() {
  for (BufferRing& ring : state_->buffers) ring.publish();
}

void Uring::trim_buffers() {
  // What has come and is not read yet lies in buffers whose memory may be given back.
  if (io_uring_cq_ready(&state_->ring) > 0 || !state_->aside.empty()) return;
  for (BufferRing& ring : state_->buffers) ring.trim();
}

std::size_t Uring::buffer_bytes() const noexcept {
  std::size_t bytes = 0;
  for (const BufferRing& ring : state_->buffers) bytes += ring.bytes_in_use();
  return bytes;
}

}  // namespace ringgate
