// Worker: the loop and its phases.
#include "benchmarks/ringbench/worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "benchmarks/common/cpu_pin.h"
#include "codec/message_body.h"

namespace ringgate::bench {
namespace {

constexpr std::uint64_t kTickNs = 10 * kMillisecondNs;
// Well below the two minutes after which a gateway takes a client for dead.
constexpr std::uint32_t kKeepAliveMs = 25'000;
// Each tick looks at this part of the clients: all of them in two seconds.
constexpr std::uint32_t kKeepAliveParts = 200;
// Few threads have buffers for a burst from all of their clients; of many, each has fewer.
constexpr unsigned kBuffersOfManyThreads = 1024;
constexpr unsigned kManyThreads = 8;

std::vector<MixStep> steps_of(const Options& options) {
  const auto one = [&options](Action action) {
    return std::vector<MixStep>{{.action = action,
                                 .body_min_bytes = options.body_bytes,
                                 .body_max_bytes = options.body_bytes}};
  };
  switch (options.scenario) {
    case Scenario::kPing:
    case Scenario::kIdle:
      return one(Action::kPing);
    case Scenario::kForward:
      return one(Action::kForward);
    case Scenario::kTalk:
      return one(Action::kTalk);
    case Scenario::kMix:
      return options.mix;
    case Scenario::kPush:
    case Scenario::kLogin:
      break;
  }
  return {};
}

// Of another service than ours, or the echo service, nobody knows what it answers.
bool asks_for_echoes(const Options& options) {
  const std::string service = options.command.substr(0, options.command.find('.'));
  return service == "echo" ||
         (options.service.play &&
          std::ranges::find(options.service.names, service) != options.service.names.end());
}

}  // namespace

Worker::Worker(const Options& options, RunState& state, const WorkerShare& share)
    : options_(options),
      state_(state),
      share_(share),
      echoes_(asks_for_echoes(options)),
      never_(static_cast<std::uint64_t>(options.duration_ms) * kMillisecondNs),
      reader_(options.target.transport),
      random_(share.worker + 1),
      clients_(share.clients),
      steps_(steps_of(options)) {
  double end = 0;
  unsigned longest = 0;
  for (const MixStep& step : steps_) {
    end += step.share;
    step_ends_.push_back(end);
    longest = std::max(longest, step.body_max_bytes);
  }
  body_.assign(text_message_bytes(std::max<std::size_t>(longest, kTalkStampBytes)), 'x');
  tally_.timeline.resize(static_cast<std::size_t>(
      (options.duration_ms + options.interval_ms() - 1) / options.interval_ms()));
  dirty_.reserve(share.clients);
  starved_.reserve(share.clients);
}

Worker::~Worker() {
  for (const auto& tls : tls_) {
    if (tls != nullptr) tls->clear(pool_);
  }
  for (Client& client : clients_) {
    client.output.complete_send(pool_, 0);
    client.output.clear(pool_);
    client.input.clear(pool_);
  }
}

bool Worker::open(int cpu) {
  if (cpu >= 0) {
    if (auto pinned = pin_to_cpu(cpu); !pinned) {
      state_.limit_once(pinned.error().message);
      return false;
    }
  }
  const unsigned buffers = share_.workers > kManyThreads ? kBuffersOfManyThreads : kBufferCount;
  if (auto opened = ring_.open(share_.clients, buffers); !opened) {
    state_.limit_once(opened.error().message);
    return false;
  }
  if (!options_.target.tls) return true;
  auto cipher = tls::Cipher::create();
  if (!cipher) {
    state_.limit_once(cipher.error().message);
    return false;
  }
  cipher_ = std::move(*cipher);
  tls_.resize(clients_.size());
  return true;
}

void Worker::run(int cpu) {
  if (open(cpu)) loop();
}

void Worker::loop() {
  begin_ns_ = progress_ns_ = now_ns_ = monotonic_ns();
  if (options_.scenario == Scenario::kLogin) {
    ready_ = clients_.size();  // nothing is set up: logging in is what is measured
    connect_ns_.resize(clients_.size());
  }
  publish_counts();
  if (service_ != nullptr) service_->attach();
  for (;;) {
    take_phase();
    begin_load_when_due();
    if (phase_ == Phase::kStop) break;
    if (now_ns_ >= next_tick_ns_) tick();
    connect_more();
    run_timers();
    send_due();
    start_sends();
    if (service_ != nullptr) service_->turn();
    if (const int error = ring_.submit_and_wait_ns(wait_ns()); error != 0) {
      state_.limit_once(fmt::format("waiting on the ring failed: {}", std::strerror(-error)));
      break;
    }
    now_ns_ = monotonic_ns();
    ring_.for_each_completion([this](const io_uring_cqe& cqe) { on_completion(cqe); });
    end_batch();
  }
  settle_rest();
  publish_counts();
  if (service_ != nullptr) service_->detach();
}

void Worker::take_phase() {
  const Phase phase = state_.phase.load(std::memory_order_acquire);
  if (phase == phase_) return;
  phase_ = phase;
  if (phase == Phase::kSetUp) begin_ns_ = progress_ns_ = monotonic_ns();
}

// All threads at the same time, so that what is due in the window is what was asked for.
void Worker::begin_load_when_due() {
  if (loading_ || phase_ != Phase::kRun) return;
  if (monotonic_ns() < state_.load_begin_ns.load(std::memory_order_relaxed)) return;
  loading_ = true;
  begin_load();
}

std::uint64_t Worker::wait_ns() const noexcept {
  std::uint64_t until = next_tick_ns_;
  if (phase_ == Phase::kRun && !loading_) {
    until = std::min(until, state_.load_begin_ns.load(std::memory_order_relaxed));
  }
  if (due_left()) until = std::min(until, schedule_.next_ns());
  if (!timers_.empty()) until = std::min(until, timers_.top().due_ns);
  const std::uint64_t now = monotonic_ns();
  const std::uint64_t wait = until > now ? until - now : 0;
  return service_ == nullptr ? wait : std::min(wait, service_->wait_ns());
}

void Worker::on_completion(const io_uring_cqe& cqe) {
  if (service_ != nullptr && PlayedService::owns(cqe)) return service_->on_completion(cqe);
  const WorkerTag tag = WorkerTag::unpack(cqe.user_data);
  Client& client = clients_[tag.index];
  // A slot is closed when nothing of it is in flight, but for its shutdown's completion.
  if (tag.generation != client.generation) return;
  switch (tag.kind) {
    case WorkerOp::kRecv:
      return on_recv(tag.index, cqe);
    case WorkerOp::kSend:
      return on_send(tag.index, cqe.res);
    case WorkerOp::kConnect:
      return on_connected(tag.index, cqe.res);
    case WorkerOp::kShutdown:
      return;
    case WorkerOp::kClose:
      return on_closed(tag.index);
  }
}

void Worker::on_send(std::uint32_t index, int result) {
  Client& client = clients_[index];
  client.sending = false;
  SendQueue& wire = wire_of(index);
  wire.complete_send(pool_, static_cast<std::size_t>(std::max(result, 0)));
  if (result < 0 && client.state == ClientState::kClosing) clear_output(index);
  if (result < 0 && connected(client) && client.state != ClientState::kClosing) {
    // The target may have said why before it closed: that is still to be read, up to the end.
    client.reset = result == -ECONNRESET || result == -EPIPE;
    if (!client.reset || !(client.receiving || client.starved)) {
      return lose(index, ErrorKind::kConnectionLost, std::strerror(-result));
    }
    clear_output(index);
    return;
  }
  if ((!wire.empty() || !client.output.empty()) && connected(client)) mark_dirty(index);
  try_close(index);
}

void Worker::end_batch() {
  if (service_ != nullptr) service_->end_batch();
  ring_.return_buffers();
  for (const std::uint32_t index : starved_) {
    Client& client = clients_[index];
    if (!client.starved) continue;
    client.starved = false;
    if (!connected(client) || client.closing) continue;
    client.receiving = true;
    ring_.arm_recv(static_cast<int>(index), true,
                   WorkerTag{WorkerOp::kRecv, client.generation, index}.pack());
  }
  starved_.clear();
  if (pushes_received_ > 0) {
    state_.pushes_received.fetch_add(pushes_received_, std::memory_order_relaxed);
    pushes_received_ = 0;
  }
  publish_counts();
}

void Worker::publish_counts() {
  const auto relaxed = std::memory_order_relaxed;
  live_.answered.store(answered_, relaxed);
  live_.errors.store(errors_, relaxed);
  live_.ready.store(ready_, relaxed);
  const bool logins = options_.scenario == Scenario::kLogin;
  outstanding_.store(
      messages_pending_ +
          static_cast<std::uint64_t>(std::max<std::int64_t>(deliveries_pending_, 0)) +
          (logins ? cycles_open_ + waiting_logins_.size() : 0) + (due_left() ? 1 : 0),
      std::memory_order_release);
}

void Worker::tick() {
  next_tick_ns_ = now_ns_ + kTickNs;
  if (phase_ == Phase::kSetUp) watch_set_up();
  if (!options_.raw && options_.scenario != Scenario::kLogin) keep_alive();
}

// Clients that have nothing to say, in a long set-up or with a low rate, would be closed as idle.
// Of a million of them even that is a load: those that will send heartbeats are kept alive at about
// their pace, a little sooner, since after the set-up it takes up to a whole heartbeat until it is
// their turn.
void Worker::keep_alive() {
  if (phase_ == Phase::kRun && options_.scenario == Scenario::kIdle) return;
  const auto now_ms = static_cast<std::uint32_t>((now_ns_ - begin_ns_) / kMillisecondNs);
  const auto count = static_cast<std::uint32_t>(clients_.size());
  const auto heartbeat_ms = static_cast<std::uint32_t>(options_.heartbeat_ms);
  const std::uint32_t silent_ms = options_.scenario == Scenario::kIdle
                                      ? std::max(kKeepAliveMs, heartbeat_ms / 4 * 3)
                                      : kKeepAliveMs;
  for (std::uint32_t i = 0; i < count / kKeepAliveParts + 1; ++i) {
    keep_alive_cursor_ = keep_alive_cursor_ + 1 < count ? keep_alive_cursor_ + 1 : 0;
    const Client& client = clients_[keep_alive_cursor_];
    if (client.state == ClientState::kReady && now_ms - client.last_sent_ms > silent_ms) {
      send_message(keep_alive_cursor_, kKeepAliveStep, 0);
    }
  }
}

}  // namespace ringgate::bench
