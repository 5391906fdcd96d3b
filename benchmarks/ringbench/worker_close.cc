// Worker: to the end of a connection, and what follows from it.
#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "benchmarks/ringbench/own_limit.h"
#include "benchmarks/ringbench/worker.h"

namespace ringgate::bench {
namespace {

constexpr std::uint64_t kReconnectMinNs = 100 * kMillisecondNs;
constexpr std::uint64_t kReconnectMaxNs = kSecondNs;
// Some gateways lose a login now and then, or its answer: it is tried again, and counted.
constexpr unsigned kMostAttempts = 3;
// For the target's end of a connection that we have said goodbye on.
constexpr std::uint64_t kClosePatienceNs = kSecondNs;
// Closed loop of logins: where nothing listens, asking again at once would only make heat.
constexpr std::uint64_t kRefusedPauseNs = 100 * kMillisecondNs;

constexpr std::array<std::uint8_t, 2> kWsNormalClosure = {0x03, 0xe8};  // 1000

}  // namespace

// This machine has no more sockets for us. That says nothing of the target, and more would not be
// had by asking again: the run ends.
void Worker::hit_own_limit(std::uint32_t index, int error) {
  state_.limit_once(own_limit_text(error));
  lose(index, ErrorKind::kOwnLimit, std::strerror(error));
}

// `hopeless`: another attempt would end like this one.
void Worker::lose(std::uint32_t index, ErrorKind kind, std::string_view why, bool hopeless) {
  Client& client = clients_[index];
  if (!connected(client) || client.state == ClientState::kClosing) return try_close(index);
  const bool was_ready = client.state == ClientState::kReady;
  if (come_again_ns_.contains(index)) {
    ++tally_.came_again;
  } else {
    give_up_or_retry(index, kind, why, hopeless);
    count_error(kind);
    note_first(was_ready, why.empty() ? name_of(kind) : why);
  }
  if (was_ready) {
    --ready_;
  } else {
    --under_way_;
  }
  lose_login(index, kind);
  pending_.drain(client.pending, [this](const Pending& message) { lose_message(message); });
  if (client.state == ClientState::kConnecting) cancel(index, WorkerOp::kConnect);
  client.state = ClientState::kLost;
  begin_close(index);
}

void Worker::note_first(bool was_ready, std::string_view why) {
  std::string& first = was_ready ? tally_.first_loss : tally_.first_login_failure;
  if (!first.empty()) return;
  first = why;
  if (was_ready) state_.lost_once(first);
}

// The set-up wants every connection, and a storm of logins one that succeeds: before that a few
// failures are borne.
void Worker::give_up_or_retry(std::uint32_t index, ErrorKind kind, std::string_view why,
                              bool hopeless) {
  Client& client = clients_[index];
  if (kind == ErrorKind::kMalformed || kind == ErrorKind::kOwnLimit) hopeless = true;
  if (options_.scenario == Scenario::kLogin) {
    if (tally_.logins > 0) return;
    if (hopeless || ++early_failures_ >= kMostAttempts * clients_.size()) {
      fail_set_up(index, kind, why);
    }
    return;
  }
  if (phase_ != Phase::kSetUp || options_.reconnect) return;
  if (hopeless || ++client.attempts >= kMostAttempts) return fail_set_up(index, kind, why);
  ++tally_.retries;
  client.retry = true;
}

// Of the load, if one was under way: an answer that is a refusal is an answer.
void Worker::lose_login(std::uint32_t index, ErrorKind kind) {
  Client& client = clients_[index];
  const auto end = [&](Action action, std::uint64_t since_ns) {
    if (kind == ErrorKind::kLoginFailed || kind == ErrorKind::kOwnLimit) {
      ++tally_.of(action).failed;
    } else {
      never_answered(action, since_ns);
    }
  };
  if (!client.login_counted) return;
  const bool connected = client.state != ClientState::kConnecting &&
                         client.state != ClientState::kSecuring &&
                         client.state != ClientState::kUpgrading;
  if (!connected) end(Action::kConnect, connect_ns_[index]);
  end(Action::kLogin, client.began_ns);
  end(Action::kCycle, client.began_ns);
  client.login_counted = client.cycle_counted = false;
}

void Worker::fail_set_up(std::uint32_t index, ErrorKind kind, std::string_view why) {
  switch (kind) {
    case ErrorKind::kConnectFailed:
      // What TLS says is a sentence of its own.
      if (clients_[index].state == ClientState::kSecuring)
        return state_.fail_once(std::string(why));
      return state_.fail_once(fmt::format("cannot connect to {}: {}", options_.target.text, why));
    case ErrorKind::kLoginFailed:
      return state_.fail_once(fmt::format("login of {} failed: {}", account_of(index), why));
    case ErrorKind::kConnectionLost:
      return state_.fail_once(
          fmt::format("{} closed connection {} before the run began ({}): see its log and its "
                      "bounds",
                      options_.target.text, share_.first_client + index, why));
    case ErrorKind::kKickedOut:
      return state_.fail_once(fmt::format("{} ended the login of {}: {}", options_.target.text,
                                          account_of(index), why));
    default:
      return state_.fail_once(fmt::format(
          "{} answered connection {} with something else ({}): is "
          "it a gateway?",
          options_.target.text, share_.first_client + index, why.empty() ? name_of(kind) : why));
  }
}

// The target closes first, as it does for a client that takes its leave: whoever does holds the
// connection's ports for a minute after.
void Worker::say_goodbye(std::uint32_t index) {
  const Transport transport = options_.target.transport;
  const ByteView code =
      transport == Transport::kWebSocket ? ByteView(kWsNormalClosure) : ByteView();
  write_control(reserve(index, control_bytes(transport, code.size())), transport, Opcode::kClose,
                code);
  clients_[index].state = ClientState::kClosing;
  wake_at(now_ns_ + kClosePatienceNs, index, Wake::kPatience);
}

// What was under way has taken too long.
void Worker::out_of_patience(std::uint32_t index) {
  switch (clients_[index].state) {
    case ClientState::kSecuring:
      return lose(index, ErrorKind::kConnectFailed,
                  fmt::format("{} did not answer in the TLS handshake within 6 s: check that this "
                              "port speaks TLS, and if it does, its load and its log",
                              options_.target.text));
    case ClientState::kUpgrading:
      return lose(index, ErrorKind::kConnectFailed,
                  "no answer to the upgrade within 6 s: check that this port is for WebSocket");
    case ClientState::kLoggingIn:
      return lose(index, ErrorKind::kLoginFailed, "no answer within 6 s");
    case ClientState::kClosing:
      return close_unasked(index);
    case ClientState::kClosed:
    case ClientState::kConnecting:
    case ClientState::kReady:
    case ClientState::kLost:
      return;
  }
}

// The target has not, so that this is no cycle of its own: it takes a second, or longer.
void Worker::close_unasked(std::uint32_t index) {
  Client& client = clients_[index];
  if (client.gave_up || client.closing) return;
  client.gave_up = true;
  count_error(ErrorKind::kNotClosed);
  if (client.cycle_counted) {
    ActionTally& cycles = tally_.of(Action::kCycle);
    ++cycles.failed;
    cycles.times.unanswered.record(now_ns_ - client.began_ns);
    client.cycle_counted = false;
  }
  begin_close(index);
}

void Worker::cancel(std::uint32_t index, WorkerOp what) {
  const std::uint16_t generation = clients_[index].generation;
  io_uring_sqe* sqe = ring_.sqe();
  io_uring_prep_cancel64(sqe, WorkerTag{what, generation, index}.pack(), 0);
  io_uring_sqe_set_data64(sqe, WorkerTag{WorkerOp::kShutdown, generation, index}.pack());
}

// Ends the receive; the slot is closed when nothing is in flight. Logins of the load only stop
// receiving: their close then is a reset, unless the target has closed before.
void Worker::begin_close(std::uint32_t index) {
  Client& client = clients_[index];
  if (client.receiving && options_.scenario == Scenario::kLogin) {
    cancel(index, WorkerOp::kRecv);
  } else if (client.receiving) {
    io_uring_sqe* sqe = ring_.sqe();
    io_uring_prep_shutdown(sqe, static_cast<int>(index), SHUT_RDWR);
    sqe->flags |= IOSQE_FIXED_FILE;
    io_uring_sqe_set_data64(sqe, WorkerTag{WorkerOp::kShutdown, client.generation, index}.pack());
  }
  try_close(index);
}

void Worker::try_close(std::uint32_t index) {
  Client& client = clients_[index];
  if (client.state != ClientState::kLost && client.state != ClientState::kClosing) return;
  if (client.receiving || client.sending || client.closing) return;
  client.closing = true;
  io_uring_sqe* sqe = ring_.sqe();
  io_uring_prep_close_direct(sqe, index);
  io_uring_sqe_set_data64(sqe, WorkerTag{WorkerOp::kClose, client.generation, index}.pack());
}

void Worker::on_closed(std::uint32_t index) {
  Client& client = clients_[index];
  clear_output(index);
  if (!tls_.empty()) tls_[index].reset();
  client.input.clear(pool_);
  reader_.forget(index);
  ++client.generation;
  client.closing = client.starved = client.reset = false;
  const bool was_lost = client.state == ClientState::kLost;
  client.state = ClientState::kClosed;
  if (options_.scenario == Scenario::kLogin) {
    client.cycle_open = false;
    --cycles_open_;
    if (!was_lost && !client.gave_up) {
      count_answer(Action::kCycle, client.cycle_counted, client.began_ns);
    }
    client.cycle_counted = client.gave_up = false;
    const bool pause = refused() && !options_.open_loop();
    if (pause) return wake_at(now_ns_ + kRefusedPauseNs, index, Wake::kOpen);
    return login_slot_free(index);
  }
  if (const auto again = come_again_ns_.extract(index); !again.empty()) {
    return wake_at(now_ns_ + again.mapped(), index, Wake::kOpen);
  }
  if (options_.reconnect || client.retry) {
    return wake_at(now_ns_ + random_.between(kReconnectMinNs, kReconnectMaxNs), index, Wake::kOpen);
  }
  gone_.store(gone_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace ringgate::bench
