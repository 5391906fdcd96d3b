// The kernel of a simulated world: sockets between shards, and between a shard and somebody played;
// the operations of all rings, which complete in whatever order the seed says; and faults. It
// checks what a shard must never do, wherever it calls report().
//
// Like tests/dataplane/fake_kernel.h, which is one ring and peers that a test reads at its end.
// This one has many rings, both ends of a connection may be shards, and no step looks at more than
// what it is about.
//
// One per world, on its thread; it outlives the rings. Sockets stay where they are while an end of
// theirs is open.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "dataplane/ring.h"
#include "tests/simulation/pipe.h"
#include "tests/simulation/scheduler.h"

namespace ringgate::sim {

// Each happens once in so many times; 0: never.
struct Faults {
  std::uint32_t stall = 0;  // what could go on does so some time later
  std::uint32_t short_send = 0;
  std::uint32_t broken_client = 0;  // a client's connection is reset under a send
  std::uint32_t broken_link = 0;    // a link is
  std::uint32_t no_buffers = 0;     // ENOBUFS although there are some
  std::uint32_t recv_ends = 0;      // a multishot receive ends, with its data
  std::uint32_t accept_fails = 0;   // ECONNABORTED
  std::uint32_t accept_short = 0;   // EMFILE, ENFILE, ENOBUFS or ENOMEM: who waited still does
  std::uint32_t poll_lies = 0;      // it completes although there is nothing to read
  std::uint32_t poll_fails = 0;     // ENOMEM
  std::uint32_t lost_wakeup = 0;
  std::uint32_t wake_ends = 0;  // the poll for wake-ups ends with one
};

struct RingState;

inline constexpr std::uint32_t kNone = 0xFFFFFFFF;

// One end of a connection.
struct Socket {
  Socket* other = nullptr;  // null: closed, and forgotten
  Pipe in;                  // what has come for this end
  std::size_t window = 0;   // the most of that
  bool in_ended = false;    // nothing more comes behind it
  bool reset = false;
  bool shut_read = false;
  bool shut_write = false;
  bool closed = false;
  bool forgotten = false;  // its place may be another's

  // Of a shard:
  std::uint32_t process = kNone;
  File file;
  std::optional<OpTag> owner;
  std::uint32_t client = kNone;  // the number of who has connected
  std::uint32_t read_op = kNone;
  std::uint32_t send_op = kNone;
  int in_flight = 0;     // operations whose last completion has not been read
  bool reading = false;  // of these, a receive or a poll
  bool sending = false;

  // Of somebody played, who gets a turn when something comes:
  Actor actor = Actor::kClient;
  std::uint32_t index = kNone;
  bool told = false;
  bool wants_room = false;  // and when there is room again
};

struct Operation {
  OpKind kind = OpKind::kWake;
  std::uint64_t tag = 0;
  RingState* ring = nullptr;  // null: it has completed
  Socket* socket = nullptr;
  BufferGroup group = BufferGroup::kClients;
  bool multishot = false;
  bool issued = false;
  bool listed = false;  // among what can go on
  bool cancelled = false;
  bool ending = false;
  bool late = false;  // a receive that was armed behind bytes and a reset
  bool deaf = false;  // it has taken these bytes: it is not told of the reset
  bool direct = false;
  std::int32_t result = 0;
  std::vector<iovec> pieces;
  std::size_t bytes = 0;
  std::size_t sent = 0;
  std::uint64_t sum = 0;  // of the bytes when they were submitted
  sockaddr_storage* address = nullptr;
  socklen_t* address_bytes = nullptr;
  int fd = -1;  // that is accepted from
  std::uint64_t target = 0;
  int how = 0;
};

enum class BufferState : std::uint8_t { kKernel, kShard, kRecycled };
struct ReceiveBuffers {
  std::size_t bytes = 0;
  std::vector<std::uint8_t> memory;
  std::vector<BufferState> states;
  std::vector<std::uint16_t> free;
  std::vector<std::uint16_t> recycled;
  [[nodiscard]] std::uint8_t* at(std::uint16_t id) noexcept { return memory.data() + id * bytes; }
};

// What is behind one ring.
struct RingState {
  std::uint32_t shard = 0;  // of all shards of the world
  std::uint32_t process = 0;
  int wake_fd = -1;
  std::uint32_t wake_op = kNone;
  bool wake_written = false;
  bool wake_waits = false;  // its completion has not been read
  bool listed = false;      // its shard is among those that can go on
  bool gone = false;
  std::vector<Socket*> direct;
  std::uint32_t accepts = 0;  // armed
  std::array<ReceiveBuffers, 2> buffers;
  std::vector<std::uint32_t> submitted;
  struct Ready {
    Completion completion;
    Socket* socket;
  };
  std::vector<Ready> ready;
  std::size_t ready_at = 0;
  [[nodiscard]] bool has_ready() const noexcept { return ready_at < ready.size(); }
};

class Kernel {
 public:
  Kernel(Scheduler& scheduler, const Faults& faults);
  ~Kernel();
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  // That of the world that is there; null: there is none.
  static Kernel* current() noexcept;

  Faults faults;

  [[nodiscard]] Scheduler& scheduler() noexcept { return scheduler_; }

  // --- Processes and their rings -------------------------------------------------------------
  std::uint32_t add_process();
  // The next Ring::create() is that shard's; it is told of wake-ups through `wake_fd`.
  void expect_ring(std::uint32_t process, std::uint32_t shard, int wake_fd) noexcept;
  [[nodiscard]] RingState& ring_of(std::uint32_t shard) noexcept { return *by_shard_[shard]; }
  // The process listens on that port, for listener `number`.
  void listen(std::uint32_t process, std::uint16_t port, std::uint32_t number);
  // What the rings have submitted since begins. Before a shard waits, as its wait does.
  void submit(RingState& ring);
  // An operation goes on.
  void progress(std::uint32_t operation);
  // Of the process's own descriptors: what its shards close outside of their rings.
  [[nodiscard]] bool close_fd(int fd);
  // Who is told through that descriptor gets a turn; and has it, so that it is told again.
  void watch(int wake_fd, Actor actor, std::uint32_t index);
  void has_turn(Actor actor, std::uint32_t index) noexcept;
  void unwatch(int wake_fd);
  void wake(int wake_fd);
  [[nodiscard]] bool is_wake_fd(int fd) const noexcept;
  static constexpr int kFirstFd = 1'000'000;  // no real descriptor

  // --- Somebody played -----------------------------------------------------------------------
  // A client, whose connection waits to be accepted.
  Socket& connect(std::uint32_t process, std::uint32_t listener, std::uint32_t client);
  // A connection whose one end is a descriptor of that process.
  Socket& dial_from(std::uint32_t process, int& fd, Actor actor, std::uint32_t index);
  // It has ended: its rings are gone already, and who waits to be accepted is reset.
  void end_process(std::uint32_t process);
  // And one between two processes.
  // The first's end is returned.
  Socket& dial(std::uint32_t from, std::uint32_t to, int& from_fd, int& to_fd);
  // As much as there is room for; the number of bytes taken.
  std::size_t write(Socket& from, ByteView bytes);
  // The same for a few first bytes, which have room whatever else.
  void write_first(Socket& from, ByteView bytes);
  void taken(Socket& at, std::size_t bytes);  // of at.in
  void end(Socket& from);                     // nothing more comes from it
  void reset(Socket& from);                   // and it is closed
  void close(Socket& from);

  // --- What is open, for the account at the end ----------------------------------------------
  [[nodiscard]] std::size_t open_sockets(std::uint32_t process) const;
  [[nodiscard]] std::size_t buffers_out(const RingState& ring) const;
  [[nodiscard]] std::size_t backlog(std::uint32_t process) const;
  // Of those that shards have armed, but for accepts and the wait for wake-ups.
  [[nodiscard]] std::size_t operations(const RingState& ring) const;
  [[nodiscard]] std::uint64_t lost_wakeups() const noexcept { return lost_wakeups_; }

  // --- Behind class Ring ---------------------------------------------------------------------
  RingState& create_ring(const RingOptions& options);
  void drop_ring(RingState& ring);
  Operation& add(RingState& ring, OpKind kind, std::uint64_t tag);
  [[nodiscard]] Socket* socket_of(RingState& ring, File file, std::uint64_t tag);
  void use_socket(Operation& operation, Socket& socket);
  static void send(Operation& operation, std::span<const iovec> pieces);
  unsigned reap(RingState& ring, std::span<Completion> out);
  [[nodiscard]] MutableBytes received(RingState& ring, BufferGroup group, const Completion& from);
  void recycle(RingState& ring, BufferGroup group, std::uint16_t id);
  static void publish_buffers(RingState& ring);
  void report(std::string_view what, std::uint64_t tag);

 private:
  struct Watch {
    int wake_fd = -1;
    Actor actor = Actor::kControl;
    std::uint32_t index = 0;
    bool listed = false;  // among those that can go on
  };
  struct Process {
    std::vector<Socket*> fds;
    std::deque<std::pair<std::uint32_t, Socket*>> backlog;  // listener, who
    std::vector<std::pair<std::uint16_t, std::uint32_t>> ports;
    std::vector<std::uint32_t> accepts;  // operations that are armed
  };

  Socket& new_socket();
  void forget_if_done(Socket& socket);
  void close_end(Socket& socket);
  [[nodiscard]] int open_fd(std::uint32_t process, Socket& socket);
  void arrived(Socket& at);
  void has_room(Socket& at);
  void list(std::uint32_t operation);
  void list_shard(RingState& ring);

  void issue(std::uint32_t index);
  void issue_shutdown(Operation& operation);
  void issue_cancel(Operation& operation);
  void arm_wake(std::uint32_t index);
  [[nodiscard]] bool go_on(Operation& operation);  // true: it has completed
  [[nodiscard]] bool accept(Operation& operation);
  [[nodiscard]] std::uint32_t listener_of(const Operation& operation);
  [[nodiscard]] bool receive(Operation& operation);
  [[nodiscard]] bool take_data(Operation& operation);
  [[nodiscard]] bool poll(Operation& operation);
  void look(Operation& operation);
  [[nodiscard]] bool send_on(Operation& operation);
  void deliver(const Operation& operation, std::size_t bytes);
  void complete(std::uint32_t index);
  void post(const Operation& operation, std::int32_t result, bool more = false,
            std::optional<std::uint16_t> buffer = {});
  [[nodiscard]] std::optional<std::uint16_t> take_buffer(ReceiveBuffers& buffers);

  Scheduler& scheduler_;
  Random& random_;
  std::deque<Socket> sockets_;
  std::vector<Socket*> free_sockets_;
  std::deque<Operation> operations_;
  std::vector<std::uint32_t> free_operations_;
  std::deque<RingState> rings_;
  std::vector<RingState*> by_shard_;
  std::vector<Process> processes_;
  std::vector<Watch> watches_;
  std::uint32_t expected_process_ = 0;
  std::uint32_t expected_shard_ = 0;
  int expected_wake_fd_ = -1;
  std::uint64_t lost_wakeups_ = 0;
};

}  // namespace ringgate::sim
