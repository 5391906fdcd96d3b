#include "dataplane/ring.h"

#include <fmt/format.h>
#include <liburing.h>
#include <poll.h>
#include <sys/mman.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <vector>

#include "dataplane/check.h"

namespace ringgate {
namespace {

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

std::string explain_setup_failure(int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      return "io_uring is forbidden here: set the sysctl kernel.io_uring_disabled to 0, and in a "
             "container allow io_uring_setup, io_uring_enter and io_uring_register in its seccomp "
             "profile";
    case ENOSYS:
      return "this kernel has no io_uring (or a seccomp profile hides it): Linux 6.1 or newer is "
             "needed";
    case EINVAL:
      return "this kernel's io_uring is too old: Linux 6.1 or newer is needed (DEFER_TASKRUN)";
    case ENOMEM:
      return "not enough locked memory for a ring: raise RLIMIT_MEMLOCK (ulimit -l)";
    case EMFILE:
    case ENFILE:
      return "no file descriptor left for a ring: raise RLIMIT_NOFILE (ulimit -n)";
    default:
      return fmt::format("io_uring could not be set up: {}", std::strerror(error));
  }
}

}  // namespace

struct Ring::State {
  io_uring ring{};
  bool initialized = false;
  std::array<BufferRing, 2> buffers;

  // send_gather's message headers: the kernel reads them while submitting, so they are free again
  // after each submission.
  struct Gather {
    msghdr message{};
    std::array<iovec, kMaxPieces> pieces{};
  };
  static constexpr std::size_t kGathers = 128;
  std::vector<Gather> gathers = std::vector<Gather>(kGathers);
  std::size_t gathers_used = 0;

  ~State() {
    if (initialized) io_uring_queue_exit(&ring);
  }

  io_uring_sqe* next_sqe() {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring);
    if (sqe == nullptr) [[unlikely]] {
      submit();
      sqe = io_uring_get_sqe(&ring);
      RINGGATE_CHECK(sqe != nullptr);
    }
    return sqe;
  }

  void submit() {
    const int result = io_uring_submit(&ring);
    RINGGATE_CHECK(result >= 0 || result == -EBUSY || result == -EAGAIN || result == -EINTR);
    free_gathers();
  }

  // Not while a submission entry that points to one waits for the kernel to have memory again.
  void free_gathers() {
    if (io_uring_sq_ready(&ring) == 0) gathers_used = 0;
  }

  static void set_file(io_uring_sqe* sqe, File file) {
    if (file.direct) sqe->flags |= IOSQE_FIXED_FILE;
  }
};

Ring::Ring(std::unique_ptr<State> state) : state_(std::move(state)) {}
Ring::~Ring() = default;

Result<std::unique_ptr<Ring>> Ring::create(const RingOptions& options) {
  auto state = std::make_unique<State>();
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL |
                 IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
  params.cq_entries = options.cq_entries;
  int result = io_uring_queue_init_params(options.sq_entries, &state->ring, &params);
  if (result < 0) return fail(explain_setup_failure(-result));
  state->initialized = true;
  io_uring_register_ring_fd(&state->ring);  // saves a lookup per call; harmless where it fails
  if (options.direct_files > 0) {
    result = io_uring_register_files_sparse(&state->ring, options.direct_files);
    if (result < 0) {
      return fail(fmt::format(
          "a table of {} direct descriptors could not be registered ({}): it can hold no more than "
          "RLIMIT_NOFILE; raise that limit, or lower MaxConnections and use more shards",
          options.direct_files, std::strerror(-result)));
    }
  }
  const auto group = [](BufferGroup g) { return static_cast<std::uint16_t>(g); };
  result = state->buffers[0].create(&state->ring, group(BufferGroup::kClients),
                                    options.client_buffers, options.client_buffer_bytes);
  if (result == 0) {
    result = state->buffers[1].create(&state->ring, group(BufferGroup::kLinks),
                                      options.link_buffers, options.link_buffer_bytes);
  }
  if (result < 0) {
    return fail(
        fmt::format("receive buffers could not be registered: {}; Linux 6.1 or newer and "
                    "enough locked memory are needed",
                    std::strerror(-result)));
  }
  return std::unique_ptr<Ring>(new Ring(std::move(state)));
}

void Ring::accept_direct(int listen_fd, sockaddr_storage* address, socklen_t* address_bytes,
                         std::uint64_t tag) {
  io_uring_sqe* sqe = state_->next_sqe();
  io_uring_prep_accept_direct(sqe, listen_fd, reinterpret_cast<sockaddr*>(address), address_bytes,
                              0, 0);
  // liburing 2.3 adds one to the index it is given, which turns ALLOC into "an ordinary fd".
  sqe->file_index = IORING_FILE_INDEX_ALLOC;
  io_uring_sqe_set_data64(sqe, tag);
}

void Ring::accept(int listen_fd, sockaddr_storage* address, socklen_t* address_bytes,
                  std::uint64_t tag) {
  io_uring_sqe* sqe = state_->next_sqe();
  io_uring_prep_accept(sqe, listen_fd, reinterpret_cast<sockaddr*>(address), address_bytes,
                       SOCK_CLOEXEC);
  io_uring_sqe_set_data64(sqe, tag);
}

void Ring::recv_multishot(File file, BufferGroup group, std::uint64_t tag) {
  io_uring_sqe* sqe = state_->next_sqe();
  io_uring_prep_recv_multishot(sqe, file.fd, nullptr, 0, 0);
  sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = static_cast<std::uint16_t>(group);
  State::set_file(sqe, file);
  io_uring_sqe_set_data64(sqe, tag);
}

void Ring::recv(File file, BufferGroup group, std::uint64_t tag) {
  io_uring_sqe* sqe = state_->next_sqe();
  io_uring_prep_recv(sqe, file.fd, nullptr, 0, 0);  // as much as the buffer holds
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = static_cast<std::uint16_t>(group);
  State::set_file(sqe, file);
  io_uring_sqe_set_data64(sqe, tag);
}

void Ring::poll(File file, std::uint64_t tag) {
  io_uring_sqe* sqe = state_->next_sqe();
  io_uring_prep_poll_add(sqe, file.fd, POLLIN | POLLRDHUP);  // errors and hang-ups always count
  State::set_file(sqe, file);
  io_uring_sqe_set_data64(sqe, tag);
}

void Ring::send(File file, const std::uint8_t* data, std::size_t bytes, std::uint64_t tag) {
  io_uring_sqe* sqe = state_->next_sqe();
  io_uring_prep_send(sqe, file.fd, data, bytes, MSG_WAITALL | MSG_NOSIGNAL);
  State::set_file(sqe, file);
  io_uring_sqe_set_data64(sqe, tag);
}

void Ring::send_gather(File file, std::span<const iovec> pieces, std::uint64_t tag) {
  RINGGATE_CHECK(pieces.size() <= kMaxPieces);
  if (state_->gathers_used == State::kGathers) state_->submit();
  io_uring_sqe* sqe = state_->next_sqe();  // first: it may submit, which frees all gathers
  RINGGATE_CHECK(state_->gathers_used < State::kGathers);
  State::Gather& gather = state_->gathers[state_->gathers_used++];
  std::copy(pieces.begin(), pieces.end(), gather.pieces.begin());
  gather.message = {};
  gather.message.msg_iov = gather.pieces.data();
  gather.message.msg_iovlen = pieces.size();
  io_uring_prep_sendmsg(sqe, file.fd, &gather.message, MSG_WAITALL | MSG_NOSIGNAL);
  State::set_file(sqe, file);
  io_uring_sqe_set_data64(sqe, tag);
}

void Ring::shutdown(File file, int how, std::uint64_t tag) {
  io_uring_sqe* sqe = state_->next_sqe();
  io_uring_prep_shutdown(sqe, file.fd, how);
  State::set_file(sqe, file);
  io_uring_sqe_set_data64(sqe, tag);
}

void Ring::close(File file, std::uint64_t tag) {
  io_uring_sqe* sqe = state_->next_sqe();
  if (file.direct) {
    io_uring_prep_close_direct(sqe, static_cast<unsigned>(file.fd));
  } else {
    io_uring_prep_close(sqe, file.fd);
  }
  io_uring_sqe_set_data64(sqe, tag);
}

void Ring::cancel(std::uint64_t target_tag, std::uint64_t tag) {
  io_uring_sqe* sqe = state_->next_sqe();
  io_uring_prep_cancel64(sqe, target_tag, 0);
  io_uring_sqe_set_data64(sqe, tag);
}

void Ring::poll_multishot(int fd, std::uint64_t tag) {
  io_uring_sqe* sqe = state_->next_sqe();
  io_uring_prep_poll_multishot(sqe, fd, POLLIN);
  io_uring_sqe_set_data64(sqe, tag);
}

void Ring::submit_and_wait(unsigned timeout_ms) {
  io_uring_cqe* cqe = nullptr;
  __kernel_timespec timeout{};
  timeout.tv_sec = timeout_ms / 1000;
  timeout.tv_nsec = static_cast<long long>(timeout_ms % 1000) * 1'000'000;
  const int result = io_uring_submit_and_wait_timeout(&state_->ring, &cqe, 1, &timeout, nullptr);
  RINGGATE_CHECK(result >= 0 || result == -ETIME || result == -EINTR || result == -EBUSY ||
                 result == -EAGAIN);
  state_->free_gathers();
}

unsigned Ring::reap(std::span<Completion> out) {
  unsigned taken = 0;
  unsigned head = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(&state_->ring, head, cqe) {
    if (taken == out.size()) break;
    Completion& completion = out[taken++];
    completion.tag = cqe->user_data;
    completion.result = cqe->res;
    completion.more = (cqe->flags & IORING_CQE_F_MORE) != 0;
    completion.has_buffer = (cqe->flags & IORING_CQE_F_BUFFER) != 0;
    completion.buffer_id = static_cast<std::uint16_t>(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
  }
  io_uring_cq_advance(&state_->ring, taken);
  return taken;
}

MutableBytes Ring::received(BufferGroup group, const Completion& completion) const {
  return {state_->buffers[static_cast<std::size_t>(group)].buffer(completion.buffer_id),
          static_cast<std::size_t>(completion.result)};
}

void Ring::recycle(BufferGroup group, std::uint16_t buffer_id) {
  state_->buffers[static_cast<std::size_t>(group)].add(buffer_id);
}

void Ring::publish_buffers() {
  for (BufferRing& ring : state_->buffers) ring.publish();
}

}  // namespace ringgate
