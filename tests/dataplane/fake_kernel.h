// What stands behind class Ring in the tests of the shard: sockets, peers and operations in memory,
// driven by a seed. It completes operations in any order a kernel might, injects faults, and checks
// what a shard must never do (wherever it calls report()).
//
// One per test, on the thread that runs the shard; it outlives the ring. Peers are owned here and
// never move.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "dataplane/ring.h"
#include "tests/dataplane/seeded.h"

namespace ringgate::test {

// Each happens once in so many times; 0: never.
struct Faults {
  unsigned stall = 0;  // an operation that could go on waits for another turn
  unsigned short_send = 0;
  unsigned broken_send = 0;   // EPIPE or ECONNRESET
  unsigned no_buffers = 0;    // ENOBUFS although there are some
  unsigned recv_ends = 0;     // a multishot receive ends, with its data
  unsigned accept_fails = 0;  // ECONNABORTED
  unsigned accept_short = 0;  // EMFILE, ENFILE, ENOBUFS or ENOMEM: whoever waited still does
  unsigned poll_lies = 0;     // it completes although there is nothing to read
  unsigned poll_fails = 0;    // ENOMEM
};

// The other end of a connection.
struct FakePeer {
  std::uint32_t id = 0;           // also its port
  std::uint32_t ip = 0x7F000001;  // IPv4
  std::uint16_t dialled = 0;      // the listener's port; 0: whichever accepts first
  std::deque<std::uint8_t> inbound;
  bool ended = false;  // EOF after inbound
  bool reset = false;
  bool receive_waits = false;     // the kernel has not come to it
  bool reset_behind = false;      // after inbound: a multishot receive that took it is not told
  std::size_t window = SIZE_MAX;  // bytes that it still takes
  std::vector<std::uint8_t> received;
  std::optional<std::uint32_t> user_timeout_ms;  // that the shard has given the kernel
  bool accepted = false;
  bool saw_end = false;  // the shard has shut down its side, or closed
  bool closed = false;   // the shard has closed
  bool broken = false;   // a send was made to fail

  void send(ByteView bytes) { inbound.insert(inbound.end(), bytes.begin(), bytes.end()); }
};

class FakeKernel {
 public:
  FakeKernel(std::uint64_t seed, const Faults& faults);
  ~FakeKernel();
  FakeKernel(const FakeKernel&) = delete;
  FakeKernel& operator=(const FakeKernel&) = delete;

  // The one of this thread.
  static FakeKernel& current();
  // Milliseconds of the fake time: what a shard's clock reads.
  static std::uint64_t now_ms();
  void advance(std::uint64_t ms) { now_ms_ += ms; }
  void set_faults(const Faults& faults) { faults_ = faults; }
  // For what follows it is as new: the one of this thread, with another seed and without those who
  // have gone. Nobody is connected.
  void begin_again(std::uint64_t seed, const Faults& faults);
  // From now on a receive takes all that is there and its buffer holds, rather than any part of it.
  void receive_whole() { receives_whole_ = true; }

  // A peer that waits to be accepted.
  FakePeer& connect(std::uint16_t dialled = 0);
  // A connected socket for Shard::adopt().
  int connect_fd(FakePeer*& peer);

  [[nodiscard]] std::size_t buffers_out() const;
  [[nodiscard]] std::size_t open_sockets() const;
  [[nodiscard]] std::size_t waiting_peers() const { return backlog_.size(); }
  [[nodiscard]] std::size_t armed_accepts() const;
  [[nodiscard]] std::size_t armed_accepts(std::uint16_t port) const;
  // Operations of the kind that there have been.
  [[nodiscard]] std::size_t added(OpKind kind) const {
    return added_[static_cast<std::size_t>(kind)];
  }
  // Of all sockets, submitted or not.
  [[nodiscard]] std::size_t armed(OpKind kind) const;

  // Behind class Ring:
  struct Socket;
  struct Op {
    OpKind kind = OpKind::kWake;
    std::uint64_t tag = 0;
    Socket* socket = nullptr;
    BufferGroup group = BufferGroup::kClients;
    bool multishot = false;
    std::vector<iovec> pieces;
    std::vector<std::uint8_t> copy;  // of what the pieces held when they were submitted
    std::size_t sent = 0;
    std::int32_t result = 0;  // of what has been done while submitting
    sockaddr_storage* address = nullptr;
    socklen_t* address_bytes = nullptr;
    bool direct = false;
    int listen_fd = -1;
    std::uint16_t port = 0;  // of the listener, when the accept was armed
    bool cancelled = false;
    bool ending = false;
    bool deaf = false;  // a multishot receive that has taken the last bytes before a reset
    std::uint64_t target = 0;
    int how = 0;
  };
  void create(const RingOptions& options);
  void add(Op op);
  [[nodiscard]] Socket* socket_of(File file, std::uint64_t tag);
  void turn(unsigned timeout_ms);
  unsigned reap(std::span<Completion> out);
  [[nodiscard]] MutableBytes received(BufferGroup group, const Completion& completion);
  void recycle(BufferGroup group, std::uint16_t id);
  void publish_buffers();

 private:
  enum class BufferState : std::uint8_t { kKernel, kShard, kRecycled };
  struct Buffers {
    std::size_t bytes = 0;
    std::vector<std::vector<std::uint8_t>> memory;
    std::vector<BufferState> states;
  };
  struct Ready {
    Completion completion;
    Socket* socket;
  };

  void issue(Op op);
  void issue_shutdown(const Op& op);
  void issue_close(const Op& op);
  void issue_cancel(Op& op);
  bool progress(Op& op);  // true: it has completed
  bool progress_accept(Op& op);
  bool progress_recv(Op& op);
  bool progress_poll(Op& op);
  bool progress_look(const Op& op);
  bool progress_send(Op& op);
  bool take_data(Op& op);
  void check_pieces(const Op& op) const;
  void deliver(const Op& op, std::size_t bytes);
  void post(const Op& op, std::int32_t result, bool more = false,
            std::optional<std::uint16_t> buffer = {});
  [[nodiscard]] std::optional<std::uint16_t> free_buffer(BufferGroup group);
  bool happens(unsigned one_in) { return one_in != 0 && random_.one_in(one_in); }
  Socket& open_socket(FakePeer& peer, File file);

  Random random_;
  Faults faults_;
  bool receives_whole_ = false;
  std::uint64_t now_ms_ = 1000;
  std::deque<std::unique_ptr<FakePeer>> peers_;
  std::deque<FakePeer*> backlog_;
  std::vector<std::unique_ptr<Socket>> sockets_;
  std::vector<Socket*> direct_;
  std::map<int, Socket*> fds_;
  int next_fd_ = 1'000'000;  // no real descriptor
  std::array<Buffers, 2> buffers_;
  std::array<std::size_t, 32> added_{};
  std::vector<Op> submitted_;
  std::vector<Op> pending_;
  std::deque<Ready> ready_;
  // Of a turn, kept from one to the next: allocations are most of what fuzzing it would do.
  std::vector<Op> issuing_;
  std::vector<Op> left_;
  std::vector<std::size_t> order_;
  std::vector<bool> done_;
};

}  // namespace ringgate::test
