// The ring: the only door to the kernel on a shard's data path, and the only place that knows
// liburing. Everything above speaks in operations and completions, so tests put a fake behind this
// header (tests/dataplane/fake_ring.cc) that is seeded and can lose, delay and shorten.
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

struct RingOptions {
  unsigned sq_entries = 4096;
  unsigned cq_entries = 32768;
  unsigned direct_files = 0;  // size of the table of direct descriptors, at most RLIMIT_NOFILE
  unsigned client_buffers = 4096;
  unsigned client_buffer_bytes = 2048;
  unsigned link_buffers = 256;
  unsigned link_buffer_bytes = 16384;
};

class Ring {
 public:
  // The error says what the kernel lacks or forbids and how to allow it.
  static Result<std::unique_ptr<Ring>> create(const RingOptions& options);
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // One connection, into a free place of the direct table; the result is its index.
  // `address` and `address_bytes` are written before the completion.
  void accept_direct(int listen_fd, sockaddr_storage* address, socklen_t* address_bytes,
                     std::uint64_t tag);
  // One connection as an ordinary fd.
  void accept(int listen_fd, sockaddr_storage* address, socklen_t* address_bytes,
              std::uint64_t tag);
  // Goes on until a completion without `more`.
  void recv_multishot(File file, BufferGroup group, std::uint64_t tag);
  // One completion. Tries at once, so it is for a socket that has something to read.
  void recv(File file, BufferGroup group, std::uint64_t tag);
  // One completion, when there is something to read, the peer has ended its side, or the socket has
  // failed. While it waits it holds 256 bytes of kernel memory, a receive 864 (Linux 6.18).
  void poll(File file, std::uint64_t tag);
  // One completion, at once: 1 where there is something to read, 0 where the peer has ended its
  // side, -EAGAIN where there is nothing, or the socket's error. Takes nothing, and may run beside
  // a receive.
  void look(File file, std::uint64_t tag);
  // MSG_WAITALL: completes when all is sent or the socket fails.
  void send(File file, const std::uint8_t* data, std::size_t bytes, std::uint64_t tag);
  // The same for a gather. `pieces` (at most kMaxPieces) is copied; what it points to is not.
  void send_gather(File file, std::span<const iovec> pieces, std::uint64_t tag);
  void shutdown(File file, int how, std::uint64_t tag);
  void close(File file, std::uint64_t tag);
  void cancel(std::uint64_t target_tag, std::uint64_t tag);
  // A completion each time that something becomes readable, until one without `more`. Edges: who
  // does not read is told only of what is new.
  void poll_multishot(int fd, std::uint64_t tag);

  // Submits everything and waits until a completion is there or `timeout_ms` has passed
  // (0: does not wait). The only blocking call of a shard.
  void submit_and_wait(unsigned timeout_ms);
  // Takes up to out.size() completions; the number taken.
  [[nodiscard]] unsigned reap(std::span<Completion> out);

  // The bytes of a completed receive, the caller's to change; valid until recycle().
  [[nodiscard]] MutableBytes received(BufferGroup group, const Completion& completion) const;
  // Hands the buffer back; the kernel sees it at the next publish_buffers().
  void recycle(BufferGroup group, std::uint16_t buffer_id);
  void publish_buffers();

  static constexpr std::size_t kMaxPieces = 64;

 private:
  struct State;
  explicit Ring(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ringgate
