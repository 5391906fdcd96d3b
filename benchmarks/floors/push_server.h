// The floor that a push is measured against: an io_uring server of the gateway's own shape (ring
// flags, direct descriptors, a multishot recv on each connection, one thread, one send per batch
// and connection and at most one in flight) that sends one block to many sockets and looks at
// nothing.
//
// It drives itself, by the clock or as fast as it can: a driver's packet would cost a recv per
// push, next to nothing per delivery at a fan-out of 100 and more, and without it the floor is the
// lower one.
//
// Receivers have places, of which push after push takes the next `fanout`, round robin. So the
// blocks that a receiver is owed are known from the first of them and their number. A receiver that
// leaves leaves its place, which is passed over until another takes it. Nothing owed is lost: where
// the slowest receiver is kBlocksKept pushes behind, the next push waits for it, and keeps its
// intended time.
//
// One thread owns a PushServer, from open() on.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "benchmarks/common/bench_ring.h"
#include "benchmarks/floors/block_log.h"
#include "benchmarks/floors/direct_acceptor.h"
#include "benchmarks/floors/floor.h"
#include "codec/error.h"

namespace ringgate::bench {

struct PushOptions {
  std::uint32_t receivers = 1;  // pushing begins when so many have connected
  std::uint32_t fanout = 1;     // of each push; at most `receivers`
  std::size_t body_bytes = 64;
  double rate = 0;              // pushes per second; 0: closed loop
  std::uint32_t in_flight = 1;  // closed loop: pushes not yet sent to all of their receivers
  std::uint64_t pushes = 0;     // the run ends after so many; 0: when all receivers have left
};

inline constexpr std::size_t kMaxPiecesPerSend = 64;
inline constexpr std::size_t kMaxSendBytes = std::size_t{256} * 1024;  // as the gateway's

// The `at`-th delivery of a push: where a receiver's turn comes.
struct Turn {
  std::uint64_t push = 0;
  std::uint32_t at = 0;
};

struct Receiver {
  Turn owed_from = {};
  Turn sending_from = {};
  std::uint32_t owed = 0;     // blocks not yet given to a send
  std::uint32_t sending = 0;  // blocks of the send in flight
  std::uint32_t slot = 0;     // in the table of direct descriptors
  bool open = false;
  bool receiving = false;
  bool dirty = false;  // on the list of this batch
};

class PushServer final : public FloorShard {
 public:
  // The listening socket outlives this.
  PushServer(int listener, const PushOptions& options);

  [[nodiscard]] Result<void> open() override;
  [[nodiscard]] Result<void> run(const std::atomic<bool>& stop) override;

 private:
  // kWaiting: for the last receiver. kDone: every push of the run was started. A run is over when
  // all receivers have left, and then nothing of it is in flight by the time all places are taken.
  enum class State : std::uint8_t { kWaiting, kPushing, kDone };

  struct Gather {
    msghdr message{};
    std::array<iovec, kMaxPiecesPerSend> pieces{};
  };

  // push_server.cc: connections
  void on_completion(const io_uring_cqe& cqe);
  void on_accept(std::uint32_t which, int result);
  void on_recv(std::uint32_t place, const io_uring_cqe& cqe);
  void on_closed(std::uint32_t place);
  void end_batch();
  void close_slot(std::uint32_t slot, std::uint32_t place);
  void close_when_idle(std::uint32_t place, Receiver& receiver);
  void mark_dirty(std::uint32_t place, Receiver& receiver);

  // push_run.cc: pushes
  void begin_run();
  void end_run_when_over();
  void tell_run();
  void push_what_is_due();
  void push(std::uint64_t intended_ns);
  std::size_t gather_owed(Receiver& receiver, Gather& gather) const noexcept;
  void send_owed(std::uint32_t place, Receiver& receiver);
  void on_send(std::uint32_t place, int result);
  void drop_owed(Receiver& receiver);
  [[nodiscard]] std::uint64_t due_ns() const noexcept;  // of the next push
  [[nodiscard]] std::uint64_t wait_ns() const noexcept;
  [[nodiscard]] Turn next_turn(Turn turn) const noexcept;  // of the same receiver

  PushOptions options_;
  Turn turn_step_;  // from a receiver's turn to its next
  std::size_t slots_;
  BlockLog blocks_;
  BenchRing ring_;  // after what its sends point to
  DirectAcceptor acceptor_;
  std::vector<Receiver> receivers_;         // by place
  std::vector<std::uint32_t> free_places_;  // the next one last
  std::vector<std::uint32_t> dirty_;        // places with something to do at the batch's end
  std::vector<std::uint32_t> starved_;      // whose recv ended for want of buffers
  std::uint32_t open_ = 0;                  // receivers

  State state_ = State::kWaiting;
  std::uint64_t run_began_ns_ = 0;
  std::uint32_t next_place_ = 0;
  std::uint64_t delivered_ = 0;
  bool told_ = false;  // what this run has pushed

  // In turn. As many as submissions fit the queue: when one's turn has come again, what used it
  // before has been submitted, and the kernel has read it.
  std::vector<Gather> gathers_;
  std::size_t next_gather_ = 0;
};

}  // namespace ringgate::bench
