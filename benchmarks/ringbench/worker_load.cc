// Worker: what is sent when. Closed loop: each client keeps so many messages outstanding, and what
// follows an answer may be a pause. Open loop: a schedule says when a message is meant to be sent,
// whatever the target does, and the next client in turn sends it.
#include <algorithm>
#include <cstring>
#include <new>

#include "benchmarks/ringbench/push_body.h"
#include "benchmarks/ringbench/worker.h"
#include "codec/message_body.h"

namespace ringgate::bench {
namespace {

constexpr std::size_t kFirstPieceBytes = 64;  // of a send queue: clients say little
// So that answers are read, and phases seen, however much is due.
constexpr unsigned kMostPerTurn = 8192;

}  // namespace

bool Worker::may_send() const noexcept {
  return phase_ == Phase::kRun && now_ns_ < state_.window_end_ns.load(std::memory_order_relaxed);
}

void Worker::begin_load() {
  now_ns_ = monotonic_ns();
  if (options_.open_loop()) {
    const double of_all =
        options_.scenario == Scenario::kIdle
            ? 1000.0 * options_.connections / static_cast<double>(options_.heartbeat_ms)
            : options_.rate.value_or(0);
    const double share = static_cast<double>(share_.clients) / options_.connections;
    if (options_.scenario != Scenario::kPush) {  // there the service has the schedule
      const std::uint64_t meant_ns = state_.load_begin_ns.load(std::memory_order_relaxed);
      schedule_.start(meant_ns != 0 ? meant_ns : now_ns_, of_all * share, random_.fraction());
    }
    for (std::uint32_t i = 0; i < clients_.size(); ++i) free_slots_.push_back(i);
    return;
  }
  for (std::uint32_t index = 0; index < clients_.size(); ++index) {
    if (options_.scenario == Scenario::kLogin) {
      begin_login(index, now_ns_);
    } else if (!steps_.empty() && clients_[index].state == ClientState::kReady) {
      for (unsigned i = 0; i < options_.in_flight; ++i) {
        // As if an answer had just come, so that pauses do not begin all at once.
        after_answer(index, {.mix_step = pick_step()});
      }
    }
  }
}

// --- Open loop ----------------------------------------------------------------------------------

// What was due in the window and is late at its end is sent all the same: its times tell.
void Worker::send_due() {
  const std::uint64_t end = state_.window_end_ns.load(std::memory_order_relaxed);
  for (unsigned sent = 0; sent < kMostPerTurn; ++sent) {
    const std::uint64_t due = schedule_.next_ns();
    if (due > now_ns_ || due >= end) return;
    schedule_.advance();
    send_scheduled(due);
  }
}

void Worker::send_scheduled(std::uint64_t intended_ns) {
  if (options_.scenario != Scenario::kLogin) {
    const std::uint8_t step = pick_step();
    const std::uint32_t index = next_ready();
    if (index < clients_.size()) return send_message(index, step, intended_ns);
    return count_unsent(Unsent::kNoConnection, steps_[step].action, intended_ns);
  }
  if (free_slots_.empty()) {
    waiting_logins_.push(intended_ns);
    return;
  }
  const std::uint32_t index = free_slots_.back();
  free_slots_.pop_back();
  count_left(intended_ns);
  begin_login(index, intended_ns);
}

// Open loop: it leaves now, and if that is late, it is ringbench's doing.
void Worker::count_left(std::uint64_t intended_ns) {
  if (!state_.in_window(intended_ns)) return;
  tally_.lag.record(now_ns_ - intended_ns);
  if (left_late(intended_ns)) ++tally_.behind_late;
}

// It was due, and it was not sent: nobody will ever have an answer to it.
void Worker::count_unsent(Unsent why, Action action, std::uint64_t intended_ns) {
  if (!state_.in_window(intended_ns)) return;
  count_error(why == Unsent::kNoConnection ? ErrorKind::kNoConnection : ErrorKind::kNotSent);
  ++tally_.never(why);
  const auto count = [&](Action part) {
    ++tally_.of(part).due;
    ++tally_.of(part).unsent;
    never_answered(part, intended_ns);
  };
  count(action);
  if (action != Action::kLogin) return;
  count(Action::kCycle);
  // Its connect has no time: it never began.
  ++tally_.of(Action::kConnect).due;
  ++tally_.of(Action::kConnect).unsent;
  ++tally_.of(Action::kConnect).failed;
}

// Whose turn it is; clients_.size() when nobody is ready.
std::uint32_t Worker::next_ready() noexcept {
  const auto count = static_cast<std::uint32_t>(clients_.size());
  for (std::uint32_t looked = 0; looked < count; ++looked) {
    const std::uint32_t index = cursor_;
    cursor_ = cursor_ + 1 < count ? cursor_ + 1 : 0;
    if (clients_[index].state == ClientState::kReady) return index;
  }
  return count;
}

// --- Closed loop --------------------------------------------------------------------------------

void Worker::after_answer(std::uint32_t index, const Pending& message) {
  if (options_.open_loop() || !may_send()) return;
  const MixStep& step = steps_[message.mix_step];
  if (step.think_max_ms == 0) return send_next(index);
  const std::uint64_t pause_ms = random_.between(static_cast<std::uint64_t>(step.think_min_ms),
                                                 static_cast<std::uint64_t>(step.think_max_ms));
  wake_at(now_ns_ + pause_ms * kMillisecondNs, index, Wake::kSend);
}

void Worker::run_timers() {
  while (!timers_.empty() && timers_.top().due_ns <= now_ns_) {
    const auto [due_ns, index, generation, what] = timers_.top();
    timers_.pop();
    const Client& client = clients_[index];
    if (generation != client.generation) continue;
    switch (what) {
      case Wake::kSend:
        if (client.state == ClientState::kReady) send_next(index);
        break;
      case Wake::kOpen:
        open_again(index);
        break;
      case Wake::kPatience:
        out_of_patience(index);
        break;
    }
  }
}

void Worker::send_next(std::uint32_t index) {
  if (!steps_.empty() && may_send()) send_message(index, pick_step(), now_ns_);
}

std::uint8_t Worker::pick_step() noexcept {
  if (steps_.size() == 1) return 0;
  const double at = random_.fraction() * step_ends_.back();
  const auto end = std::upper_bound(step_ends_.begin(), step_ends_.end() - 1, at);
  return static_cast<std::uint8_t>(end - step_ends_.begin());
}

// --- One message --------------------------------------------------------------------------------

void Worker::send_message(std::uint32_t index, std::uint8_t step, std::uint64_t intended_ns) {
  Client& client = clients_[index];
  constexpr MixStep kKeepAlive{.action = Action::kPing};
  const MixStep& what = step == kKeepAliveStep ? kKeepAlive : steps_[step];
  const bool counted = step != kKeepAliveStep && state_.in_window(intended_ns);
  const std::uint32_t sequence = what.action == Action::kPing ? turn_ : ++client.sequence;
  if (!pending_.push(client.pending, {intended_ns, sequence, what.action, counted, step})) {
    // So much is outstanding that nothing more can be kept in mind: it was due and was not sent.
    if (counted) return count_unsent(Unsent::kOutstanding, what.action, intended_ns);
    return count_error(ErrorKind::kNotSent);
  }
  if (counted) ++tally_.of(what.action).due;
  if (counted && what.action == Action::kTalk) ++tally_.of(Action::kDelivery).due;
  if (counted && options_.open_loop()) count_left(intended_ns);
  ++messages_pending_;
  client.last_sent_ms = static_cast<std::uint32_t>((now_ns_ - begin_ns_) / kMillisecondNs);
  write_message(index, what, sequence, intended_ns);
}

void Worker::write_message(std::uint32_t index, const MixStep& step, std::uint32_t sequence,
                           std::uint64_t intended_ns) {
  const Transport transport = options_.target.transport;
  if (step.action == Action::kPing) {
    const ByteView ping = ping_frame(transport);
    std::memcpy(reserve(index, ping.size()), ping.data(), ping.size());
    return;
  }
  OutgoingHeader header;
  header.command = options_.command;
  header.sequence = sequence;
  std::size_t bytes = random_.between(step.body_min_bytes, step.body_max_bytes);
  std::string partner;
  if (step.action == Action::kTalk) {
    ++deliveries_pending_;
    ++tally_.deliveries_asked;
    header.command = options_.talk_command;
    const std::uint32_t receiver = index ^ 1;
    partner = account_of(receiver);
    header.dest = partner;
    const std::size_t text_bytes = std::max(bytes, kTalkStampBytes);
    bytes = text_message_bytes(text_bytes);
    write_talk_body(body_.data(), text_bytes, {intended_ns, clients_[index].next_talk++},
                    share_.first_client + receiver);
  } else {
    write_echo_body(MutableBytes(body_).first(bytes), sequence);
  }
  const ByteView body = ByteView(body_).first(bytes);
  write_request(reserve(index, request_bytes(transport, header, bytes)), transport, header, body);
}

std::uint8_t* Worker::reserve(std::uint32_t index, std::size_t bytes) {
  Client& client = clients_[index];
  if (!client.sending) mark_dirty(index);
  std::uint8_t* const to = client.output.reserve(pool_, bytes, kFirstPieceBytes);
  if (to == nullptr) throw std::bad_alloc();
  return to;
}

void Worker::mark_dirty(std::uint32_t index) {
  if (clients_[index].dirty) return;
  clients_[index].dirty = true;
  dirty_.push_back(index);
}

// At most one send is in flight per connection; what comes meanwhile leaves with the next one.
void Worker::start_sends() {
  ++turn_;
  for (const std::uint32_t index : dirty_) {
    Client& client = clients_[index];
    client.dirty = false;
    if (client.sending || client.closing || !connected(client) ||
        client.state == ClientState::kConnecting || !seal(index)) {
      continue;
    }
    iovec piece{};
    SendQueue& wire = wire_of(index);
    const std::size_t pieces = wire.empty() ? 0 : wire.start_send({&piece, 1});
    if (pieces == 0) continue;
    client.sending = true;
    io_uring_sqe* sqe = ring_.sqe();
    io_uring_prep_send(sqe, static_cast<int>(index), piece.iov_base, piece.iov_len,
                       MSG_WAITALL | MSG_NOSIGNAL);
    sqe->flags |= IOSQE_FIXED_FILE;
    io_uring_sqe_set_data64(sqe, WorkerTag{WorkerOp::kSend, client.generation, index}.pack());
  }
  dirty_.clear();
}

// --- Logins as load -----------------------------------------------------------------------------

void Worker::begin_login(std::uint32_t index, std::uint64_t intended_ns) {
  Client& client = clients_[index];
  client.began_ns = intended_ns;
  connect_ns_[index] = now_ns_;
  client.login_counted = client.cycle_counted = state_.in_window(intended_ns);
  client.cycle_open = true;
  ++cycles_open_;
  if (client.login_counted) {
    for (const Action action : {Action::kConnect, Action::kLogin, Action::kCycle}) {
      ++tally_.of(action).due;
    }
  }
  open_connection(index);
}

// A connection that was lost, or a login's slot after a pause.
void Worker::open_again(std::uint32_t index) {
  if (clients_[index].state != ClientState::kClosed) return;
  if (options_.scenario == Scenario::kLogin) return login_slot_free(index);
  clients_[index].retry = false;
  if (phase_ != Phase::kDrain) open_connection(index);
}

void Worker::login_slot_free(std::uint32_t index) {
  if (!waiting_logins_.empty()) {
    const std::uint64_t intended_ns = waiting_logins_.front();
    waiting_logins_.pop();
    if (state_.in_window(intended_ns)) tally_.connection_waits.record(now_ns_ - intended_ns);
    if (left_late(intended_ns)) ++tally_.busy_late;
    return begin_login(index, intended_ns);
  }
  if (options_.open_loop()) {
    free_slots_.push_back(index);
  } else if (may_send()) {
    begin_login(index, now_ns_);
  }
}

}  // namespace ringgate::bench
