// The logic service that ringbench plays behind a gateway, so that the gateway alone is measured:
// answers logins with a LoginResp, sign-outs and everything else with Success and the request's own
// body (talks with a push to the receiver where it plays "chat"), and, in the scenario push, pushes
// packets to the channels that have logged in (push_body.h has what they look like).
//
// One thread of its own, started by start() and ended by stop() or the destructor; or, after
// start_on(), the thread of a ring of somebody else's, who calls what is said there. It listens,
// enters itself into the registry once it accepts, and leaves the registry when it ends. Gateways
// dial it, as many links (and lanes) as they like; a channel is answered and pushed to over the
// link that its login came by, or over another of its gateway when that one has ended.
//
// start() and stop() are called by one thread; a control loop and a monitor run beside it where the
// registry is a Consul agent. What it does there is logged through spdlog's default logger.
#pragma once

#include <cstdint>
#include <memory>

#include "benchmarks/common/bench_ring.h"
#include "benchmarks/ringbench/options.h"
#include "benchmarks/ringbench/run_state.h"
#include "benchmarks/ringbench/tally.h"
#include "codec/error.h"

namespace ringgate::bench {

class PlayedService {
 public:
  // Listens, registers and starts the thread. The error is a sentence: a taken port, a registry
  // that cannot be written. Both references outlive it.
  [[nodiscard]] static Result<std::unique_ptr<PlayedService>> start(const Options& options,
                                                                    RunState& state);
  // The same without a thread: where processors are few, waking one for each request would be a
  // part of every time that is measured. The ring outlives it; see "The ring's thread".
  [[nodiscard]] static Result<std::unique_ptr<PlayedService>> start_on(BenchRing& ring,
                                                                       const Options& options,
                                                                       RunState& state);
  ~PlayedService();
  PlayedService(const PlayedService&) = delete;
  PlayedService& operator=(const PlayedService&) = delete;

  // Main, any time: links that have shaken hands, 0 while one of its names has none. Clients are
  // let loose when there is one.
  [[nodiscard]] unsigned links() const noexcept;
  // Main, any time: pushes sent since the start, counted per receiver. What was sent and not
  // received when the drain has ended is lost.
  [[nodiscard]] std::uint64_t pushes_sent() const noexcept;

  // After start_on(), once the ring's thread has attached: enters the registry. Error as of
  // start().
  [[nodiscard]] Result<void> register_services();
  [[nodiscard]] bool attached() const noexcept;
  // Leaves the registry; gateways may end their links from now on.
  void leave();

  // The ring's thread, after start_on(): attach once the ring is open; then in each turn, before it
  // waits, turn(), and wait no longer than wait_ns(); every completion that owns() to
  // on_completion(), and end_batch() after them. detach() in the end.
  void attach();
  void turn();
  [[nodiscard]] std::uint64_t wait_ns() const noexcept;
  [[nodiscard]] static bool owns(const io_uring_cqe& cqe) noexcept;
  void on_completion(const io_uring_cqe& cqe);
  void end_batch();
  void detach();

  void stop();
  // After stop(): of Action::kDelivery `sent` (per receiver), the lag of pushes of the window (also
  // when it was a full link that made them late), and the errors that it saw: kMalformed,
  // kUnexpected, kConnectionLost (a link that broke, a talk to a channel without one), kUnanswered
  // (open loop: a push that was due and never left; `sent` has it too).
  [[nodiscard]] const Tally& tally() const noexcept;

 private:
  struct Impl;
  explicit PlayedService(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringgate::bench
