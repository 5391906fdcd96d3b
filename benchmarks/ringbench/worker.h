// One thread of ringbench: its share of the clients, on a ring of its own, as direct descriptors.
//
//   worker.cc          the loop and its phases
//   worker_connect.cc  from nothing to logged in
//   worker_close.cc    to the end of a connection
//   worker_tls.cc      what is between the socket and them with TLS
//   worker_input.cc    bytes in, and what they mean
//   worker_load.cc     what is sent when
//   worker_settle.cc   what has not come when all is over
//
// So many private functions in one class: each is a step of one client, any step may end in another
// (a lost connection is dialled again, an answer sends the next message), and all write one tally.
//
// A Worker belongs to the thread in run(); main reads live() and outstanding() (relaxed, one
// writer) while it runs, and its tally after joining the thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

#include "benchmarks/common/bench_ring.h"
#include "benchmarks/ringbench/client.h"
#include "benchmarks/ringbench/client_codec.h"
#include "benchmarks/ringbench/client_tls.h"
#include "benchmarks/ringbench/options.h"
#include "benchmarks/ringbench/pending.h"
#include "benchmarks/ringbench/played_service.h"
#include "benchmarks/ringbench/random.h"
#include "benchmarks/ringbench/run_state.h"
#include "benchmarks/ringbench/schedule.h"
#include "benchmarks/ringbench/tally.h"
#include "benchmarks/ringbench/unanswered.h"
#include "benchmarks/ringbench/worker_tag.h"
#include "dataplane/block_pool.h"

namespace ringgate::bench {

// Which of the run's clients and threads a worker is.
struct WorkerShare {
  unsigned worker = 0;
  unsigned workers = 1;
  unsigned first_client = 0;
  unsigned clients = 0;
};

class Worker {
 public:
  // The references outlive it.
  Worker(const Options& options, RunState& state, const WorkerShare& share);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // The thread's body, until the phase is kStop; `cpu` < 0: not pinned.
  void run(int cpu);

  // Before run(): the service, started on this worker's ring, is served between messages. It
  // outlives run().
  void serve(PlayedService& service) noexcept { service_ = &service; }
  [[nodiscard]] BenchRing& ring() noexcept { return ring_; }

  [[nodiscard]] const LiveCounts& live() const noexcept { return live_; }
  // What a drain waits for: messages, logins and deliveries that have not come.
  [[nodiscard]] std::uint64_t outstanding() const noexcept {
    return outstanding_.load(std::memory_order_acquire);
  }
  // Clients that are lost for good.
  [[nodiscard]] std::uint64_t gone() const noexcept {
    return gone_.load(std::memory_order_relaxed);
  }
  // The last connect found that nothing listens there.
  [[nodiscard]] bool refused() const noexcept { return refused_.load(std::memory_order_relaxed); }
  [[nodiscard]] const Tally& tally() const noexcept { return tally_; }

 private:
  // worker.cc
  [[nodiscard]] bool open(int cpu);
  void loop();
  void take_phase();
  void begin_load_when_due();
  [[nodiscard]] std::uint64_t wait_ns() const noexcept;
  void on_completion(const io_uring_cqe& cqe);
  void on_send(std::uint32_t index, int result);
  void end_batch();
  void tick();
  void keep_alive();
  void publish_counts();

  // worker_settle.cc
  void settle_rest();
  void settle_due();
  void settle_messages(Client& client);
  void settle_login(std::uint32_t index);

  // worker_connect.cc
  void connect_more();
  [[nodiscard]] bool may_connect() const noexcept;
  [[nodiscard]] int open_socket(std::uint32_t index);
  void open_connection(std::uint32_t index);
  void on_connected(std::uint32_t index, int result);
  void on_transport_ready(std::uint32_t index);
  void begin_transport(std::uint32_t index);
  void log_in(std::uint32_t index);
  void login_answered(std::uint32_t index, const Incoming& answer);
  void login_failed(std::uint32_t index, const Incoming& answer);
  void become_ready(std::uint32_t index);
  void watch_set_up();
  [[nodiscard]] std::string account_of(std::uint32_t index) const;
  [[nodiscard]] std::string token_of(std::uint32_t index) const;

  // worker_close.cc
  void hit_own_limit(std::uint32_t index, int error);
  void lose(std::uint32_t index, ErrorKind kind, std::string_view why, bool hopeless = false);
  void lose_login(std::uint32_t index, ErrorKind kind);
  void note_first(bool was_ready, std::string_view why);
  void give_up_or_retry(std::uint32_t index, ErrorKind kind, std::string_view why, bool hopeless);
  void fail_set_up(std::uint32_t index, ErrorKind kind, std::string_view why);
  void say_goodbye(std::uint32_t index);
  void out_of_patience(std::uint32_t index);
  void close_unasked(std::uint32_t index);
  void cancel(std::uint32_t index, WorkerOp what);
  void begin_close(std::uint32_t index);
  void try_close(std::uint32_t index);
  void on_closed(std::uint32_t index);

  // worker_tls.cc
  void begin_tls(std::uint32_t index);
  void on_sealed(std::uint32_t index, MutableBytes bytes);
  [[nodiscard]] tls::Cipher& cipher() noexcept;  // with TLS
  [[nodiscard]] bool shake_hands(std::uint32_t index, ByteView bytes);
  [[nodiscard]] bool seal(std::uint32_t index);
  [[nodiscard]] SendQueue& wire_of(std::uint32_t index) noexcept;
  void clear_output(std::uint32_t index) noexcept;

  // worker_input.cc
  void on_recv(std::uint32_t index, const io_uring_cqe& cqe);
  void on_data(std::uint32_t index, ByteView bytes);
  [[nodiscard]] std::size_t consume(std::uint32_t index, ByteView bytes);
  [[nodiscard]] std::size_t take_upgrade(std::uint32_t index, ByteView bytes);
  void handle(std::uint32_t index, const Incoming& incoming);
  void on_pong(std::uint32_t index, const Incoming& pong);
  void on_answer(std::uint32_t index, const Incoming& answer);
  void on_push(std::uint32_t index, const Incoming& push);
  void on_close_frame(std::uint32_t index, const Incoming& close);
  void settle(std::uint32_t index, const Pending& message);
  void settle_wrong(std::uint32_t index, const Pending& message, ErrorKind kind,
                    std::uint32_t status);
  void refuse(const Pending& message);
  void lose_message(const Pending& message);
  void never_answered(Action action, std::uint64_t due_ns);
  void count_error(ErrorKind kind, std::uint32_t status = 0);
  void count_answer(Action action, bool counted, std::uint64_t since_ns);
  [[nodiscard]] Interval* interval_now() noexcept;

  // worker_load.cc
  void begin_load();
  void send_due();
  void send_scheduled(std::uint64_t intended_ns);
  void count_unsent(Unsent why, Action action, std::uint64_t intended_ns);
  void count_left(std::uint64_t intended_ns);
  void run_timers();
  void after_answer(std::uint32_t index, const Pending& message);
  void send_next(std::uint32_t index);
  void send_message(std::uint32_t index, std::uint8_t step, std::uint64_t intended_ns);
  void write_message(std::uint32_t index, const MixStep& step, std::uint32_t sequence,
                     std::uint64_t intended_ns);
  [[nodiscard]] bool left_late(std::uint64_t intended_ns) const noexcept {
    return state_.in_window(intended_ns) && !state_.in_window(now_ns_);
  }
  void begin_login(std::uint32_t index, std::uint64_t intended_ns);
  void open_again(std::uint32_t index);
  void login_slot_free(std::uint32_t index);
  [[nodiscard]] std::uint8_t pick_step() noexcept;
  [[nodiscard]] std::uint32_t next_ready() noexcept;
  [[nodiscard]] bool may_send() const noexcept;
  // Open loop: something was due before the window's end, or will be, and has not left.
  [[nodiscard]] bool due_left() const noexcept {
    return schedule_.next_ns() < state_.window_end_ns.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint8_t* reserve(std::uint32_t index, std::size_t bytes);
  void start_sends();
  void mark_dirty(std::uint32_t index);
  enum class Wake : std::uint8_t {
    kSend,      // a pause is over
    kOpen,      // the connection again
    kPatience,  // what is under way has taken too long
  };
  void wake_at(std::uint64_t due_ns, std::uint32_t index, Wake what) {
    timers_.push({due_ns, index, clients_[index].generation, what});
  }

  [[nodiscard]] bool connected(const Client& client) const noexcept {
    return client.state != ClientState::kClosed && client.state != ClientState::kLost;
  }

  const Options& options_;
  RunState& state_;
  const WorkerShare share_;
  const bool echoes_;  // the answer to a forward carries what was sent
  LiveCounts live_;
  std::atomic<std::uint64_t> outstanding_{0};
  std::atomic<std::uint64_t> gone_{0};
  std::atomic<bool> refused_{false};
  Tally tally_;
  Unanswered never_;

  BenchRing ring_;
  PlayedService* service_ = nullptr;  // not ours; null: none, or on a thread of its own
  BlockPool pool_;
  IncomingReader reader_;
  Random random_;
  // Of clients whose target goes away: how long until they come again.
  std::unordered_map<std::uint32_t, std::uint64_t> come_again_ns_;
  PendingPool pending_;
  std::vector<Client> clients_;
  std::optional<tls::Cipher> cipher_;            // with TLS
  std::vector<std::unique_ptr<ClientTls>> tls_;  // the same: of each client that is connected
  std::vector<MixStep> steps_;
  std::vector<double> step_ends_;   // cumulated shares
  std::vector<std::uint8_t> body_;  // scratch: the body of the message that is written
  std::vector<std::uint32_t> dirty_;
  std::vector<std::uint32_t> starved_;

  Schedule schedule_;
  struct Timer {
    std::uint64_t due_ns;
    std::uint32_t index;
    std::uint16_t generation;  // a pause ends with its connection
    Wake what;
    bool operator>(const Timer& other) const noexcept { return due_ns > other.due_ns; }
  };
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::vector<std::uint32_t> free_slots_;     // kLogin, open loop
  std::queue<std::uint64_t> waiting_logins_;  // kLogin: due, but no slot was free
  std::vector<std::uint64_t> connect_ns_;     // kLogin: of each client, when its connect began

  Phase phase_ = Phase::kSetUp;
  bool loading_ = false;
  std::uint64_t begin_ns_ = 0;  // of the worker
  std::uint64_t now_ns_ = 0;    // once per turn
  std::uint32_t turn_ = 0;  // of the loop: what is written in one leaves at the next one's begin
  std::uint64_t next_tick_ns_ = 0;
  std::uint64_t progress_ns_ = 0;
  std::size_t started_ = 0;    // of the set-up: connects begun
  std::size_t under_way_ = 0;  // connections that are on their way to being ready
  std::uint64_t ready_ = 0;
  std::uint64_t messages_pending_ = 0;
  std::int64_t deliveries_pending_ = 0;  // of talks
  std::size_t cycles_open_ = 0;          // kLogin: slots in use
  std::size_t early_failures_ = 0;       // kLogin: before the first success
  std::uint64_t pushes_received_ = 0;    // not yet told to state_
  std::uint64_t answered_ = 0;
  std::uint64_t errors_ = 0;
  std::uint32_t cursor_ = 0;  // open loop: whose turn it is
  std::uint32_t keep_alive_cursor_ = 0;
};

}  // namespace ringgate::bench
