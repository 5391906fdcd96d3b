// The ring: the only door to the kernel on a shard's data path. Everything above speaks in
// operations and completions. Behind it is io_uring (uring.h), or, where that is forbidden, epoll
// (epoll_ring.h); tests put a fake there (tests/dataplane/fake_ring.cc) that is seeded and can
// lose, delay and shorten.
//
// Owned by one thread: create(), every call and the destructor run on it (SINGLE_ISSUER).
// Memory given to an operation stays valid until its completion, except where said otherwise.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "codec/bytes.h"
#include "codec/error.h"

namespace ringgate {

// A socket, either by direct descriptor (its index in the ring's own table) or by ordinary fd.
struct File {
  int fd = -1;
  bool direct = false;
};

enum class OpKind : std::uint8_t {
  kAccept = 1,
  kRecv,
  kSend,
  kShutdown,
  kClose,
  kCancel,
  kWake,
  kPoll,
  kLook,
  kOption,  // tells only of failure, which nobody can mend
};

// What an operation carries to its completion: never a pointer, so that a completion that comes
// after its slot was reused can be told apart.
struct OpTag {
  OpKind kind;
  std::uint32_t slot;  // 24 bits
  std::uint32_t generation;

  [[nodiscard]] std::uint64_t pack() const noexcept {
    return (std::uint64_t{static_cast<std::uint8_t>(kind)} << 56) |
           (std::uint64_t{slot & 0xFFFFFFu} << 32) | generation;
  }
  static OpTag unpack(std::uint64_t value) noexcept {
    return {static_cast<OpKind>(value >> 56), static_cast<std::uint32_t>((value >> 32) & 0xFFFFFFu),
            static_cast<std::uint32_t>(value)};
  }
};

// Received bytes land in buffers of one of these groups: links have their own, so that neither
// side can take all of the other's.
enum class BufferGroup : std::uint8_t { kClients = 0, kLinks = 1 };

struct Completion {
  std::uint64_t tag = 0;
  std::int32_t result = 0;  // bytes, an index, or a negative errno
  bool more = false;        // a multishot operation goes on
  bool has_buffer = false;
  std::uint16_t buffer_id = 0;
};

enum class RingKind : std::uint8_t {
  kAuto,  // io_uring, or epoll where that is forbidden or too old
  kIoUring,
  kEpoll,
};

struct RingOptions {
  RingKind kind = RingKind::kIoUring;
  unsigned sq_entries = 4096;
  unsigned cq_entries = 32768;
  // Size of the table of direct descriptors; of io_uring at most RLIMIT_NOFILE. Of epoll they are
  // ordinary ones of the process.
  unsigned direct_files = 0;
  unsigned client_buffers = 4096;
  unsigned client_buffer_bytes = 2048;
  unsigned link_buffers = 256;
  unsigned link_buffer_bytes = 16384;
};

class Ring {
 public:
  // Of the kind that the options name; kAuto is what choose() says. The error says what the kernel
  // lacks or forbids and how to allow it.
  static Result<std::unique_ptr<Ring>> create(const RingOptions& options);
  virtual ~Ring() = default;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // One connection, into a free place of the direct table; the result is its index.
  // `address` and `address_bytes` are written before the completion.
  virtual void accept_direct(int listen_fd, sockaddr_storage* address, socklen_t* address_bytes,
                             std::uint64_t tag) = 0;
  // One connection as an ordinary fd.
  virtual void accept(int listen_fd, sockaddr_storage* address, socklen_t* address_bytes,
                      std::uint64_t tag) = 0;
  // Goes on until a completion without `more`.
  virtual void recv_multishot(File file, BufferGroup group, std::uint64_t tag) = 0;
  // One completion. Tries at once, so it is for a socket that has something to read.
  virtual void recv(File file, BufferGroup group, std::uint64_t tag) = 0;
  // One completion, when there is something to read, the peer has ended its side, or the socket has
  // failed. While it waits it holds 256 bytes of kernel memory, a receive 864 (Linux 6.18).
  virtual void poll(File file, std::uint64_t tag) = 0;
  // One completion, at once: 1 where there is something to read, 0 where the peer has ended its
  // side, -EAGAIN where there is nothing, or the socket's error. Takes nothing, and may run beside
  // a receive.
  virtual void look(File file, std::uint64_t tag) = 0;
  // MSG_WAITALL: completes when all is sent or the socket fails.
  virtual void send(File file, const std::uint8_t* data, std::size_t bytes, std::uint64_t tag) = 0;
  // The same for a gather. `pieces` (at most kMaxPieces) is copied; what it points to is not.
  virtual void send_gather(File file, std::span<const iovec> pieces, std::uint64_t tag) = 0;
  virtual void shutdown(File file, int how, std::uint64_t tag) = 0;
  virtual void close(File file, std::uint64_t tag) = 0;
  virtual void cancel(std::uint64_t target_tag, std::uint64_t tag) = 0;
  // TCP_USER_TIMEOUT of tcp(7). `milliseconds` stays as it is for as long as the ring. Completes
  // only where it fails: of io_uring on Linux before 6.7, where the socket keeps what it had.
  virtual void set_user_timeout(File file, const std::uint32_t& milliseconds,
                                std::uint64_t tag) = 0;
  // A completion each time that something becomes readable, until one without `more`. Edges: who
  // does not read is told only of what is new.
  virtual void poll_multishot(int fd, std::uint64_t tag) = 0;

  // Submits everything and waits until a completion is there or `timeout_ms` has passed
  // (0: does not wait). The only blocking call of a shard.
  virtual void submit_and_wait(unsigned timeout_ms) = 0;
  // The same for a ring that has nothing to submit, but once a completion is there more may gather:
  // up to `gather_us` from now, or until there are kGathered. Then, or where nothing has come by
  // then, with the next. Where something waits to be submitted, and on rings that cannot gather,
  // it is submit_and_wait().
  virtual void wait_gathering(unsigned timeout_ms, unsigned gather_us) {
    static_cast<void>(gather_us);
    submit_and_wait(timeout_ms);
  }
  // Whether wait_gathering() does: io_uring of Linux 6.12 and newer.
  [[nodiscard]] virtual bool gathers() const noexcept { return false; }
  // Takes up to out.size() completions; the number taken.
  [[nodiscard]] virtual unsigned reap(std::span<Completion> out) = 0;

  // The bytes of a completed receive, the caller's to change; valid until recycle().
  [[nodiscard]] virtual MutableBytes received(BufferGroup group,
                                              const Completion& completion) const = 0;
  // Hands the buffer back; the kernel sees it at the next publish_buffers().
  virtual void recycle(BufferGroup group, std::uint16_t buffer_id) = 0;
  virtual void publish_buffers() = 0;
  // Gives memory of receive buffers back that was not needed since the last call. To be called
  // every few seconds, when nothing that was received is in use.
  virtual void trim_buffers() {}
  // What receives may fill at the moment: it grows with need, up to what the options say.
  [[nodiscard]] virtual std::size_t buffer_bytes() const noexcept = 0;

  static constexpr std::size_t kMaxPieces = 64;
  static constexpr unsigned kGathered = 32;

 protected:
  Ring() = default;
};

// What kAuto is here, and why where it is not io_uring: tries a small ring. Any thread.
struct RingChoice {
  RingKind kind = RingKind::kIoUring;
  std::string why;
};
[[nodiscard]] RingChoice choose_ring();

// Whether rings of that kind gather here, see wait_gathering(): tries a small one. Any thread.
[[nodiscard]] bool ring_gathers(RingKind kind);

// As the key Ring has it.
[[nodiscard]] constexpr std::string_view describe(RingKind kind) noexcept {
  switch (kind) {
    case RingKind::kAuto:
      return "auto";
    case RingKind::kIoUring:
      return "io_uring";
    case RingKind::kEpoll:
      return "epoll";
  }
  return "?";
}

}  // namespace ringgate
