// Worker: from nothing to a client that is logged in, and to the end of a connection.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "benchmarks/ringbench/own_limit.h"
#include "benchmarks/ringbench/worker.h"
#include "services/token.h"

namespace ringgate::bench {
namespace {

constexpr std::size_t kConnectsInFlight = 1024;  // of all threads: well below a listener's backlog
constexpr std::uint64_t kSetUpStallNs = 15 * kSecondNs;
constexpr std::int64_t kTokenLifeS = 24 * 3600;
constexpr std::uint64_t kReconnectMinNs = 100 * kMillisecondNs;
constexpr std::uint64_t kReconnectMaxNs = kSecondNs;
// Some gateways lose a login now and then, or its answer: it is tried again, and counted.
constexpr unsigned kMostAttempts = 3;
// From the connection to the login's answer. Above the five seconds that a gateway waits for its
// login service, so that its own refusal is told.
constexpr std::uint64_t kLoginPatienceNs = 6 * kSecondNs;
// For the target's end of a connection that we have said goodbye on.
constexpr std::uint64_t kClosePatienceNs = kSecondNs;
// Closed loop of logins: where nothing listens, asking again at once would only make heat.
constexpr std::uint64_t kRefusedPauseNs = 100 * kMillisecondNs;

constexpr std::array<std::uint8_t, 2> kWsNormalClosure = {0x03, 0xe8};  // 1000

}  // namespace

// --- To a connection ----------------------------------------------------------------------------

bool Worker::may_connect() const noexcept {
  if (started_ == clients_.size() || phase_ != Phase::kSetUp) return false;
  const std::size_t most = std::max<std::size_t>(4, kConnectsInFlight / share_.workers);
  if (under_way_ >= most) return false;
  if (!options_.connect_rate) return true;
  const double mine = *options_.connect_rate * static_cast<double>(share_.clients) /
                      static_cast<double>(options_.connections);
  const double elapsed_s = static_cast<double>(now_ns_ - begin_ns_) / 1e9;
  return static_cast<double>(started_) < elapsed_s * mine + 1;
}

void Worker::connect_more() {
  if (options_.scenario == Scenario::kLogin) return;  // that is the load
  while (may_connect()) open_connection(static_cast<std::uint32_t>(started_++));
}

// Into the client's slot; 0 or an error number.
int Worker::open_socket(std::uint32_t index) {
  const bool storm = options_.scenario == Scenario::kLogin;
  const unsigned source = share_.first_client + index + clients_[index].logins;
  const int fd = open_client_socket(options_.target.address, options_.sources, source);
  if (fd < 0) return errno;
  if (storm) close_without_trace(fd);
  const int error = ring_.set_direct(index, {&fd, 1});
  close(fd);
  return -error;
}

void Worker::open_connection(std::uint32_t index) {
  Client& client = clients_[index];
  client.state = ClientState::kConnecting;
  ++client.logins;
  ++under_way_;
  if (const int error = open_socket(index); error != 0) return hit_own_limit(index, error);
  io_uring_sqe* sqe = ring_.sqe();
  io_uring_prep_connect(sqe, static_cast<int>(index), options_.target.address.get(),
                        options_.target.address.bytes);
  sqe->flags |= IOSQE_FIXED_FILE;
  io_uring_sqe_set_data64(sqe, WorkerTag{WorkerOp::kConnect, client.generation, index}.pack());
}

void Worker::on_connected(std::uint32_t index, int result) {
  const bool refused = result == -ECONNREFUSED;
  refused_.store(refused, std::memory_order_relaxed);
  if (is_own_limit(-result)) return hit_own_limit(index, -result);
  if (result < 0) {
    return lose(index, ErrorKind::kConnectFailed,
                refused ? "nothing listens there: start the target or mend --target"
                        : std::strerror(-result),
                refused);
  }
  Client& client = clients_[index];
  ++tally_.connects;
  progress_ns_ = now_ns_;
  if (options_.scenario != Scenario::kLogin) {
    wake_at(now_ns_ + kLoginPatienceNs, index, Wake::kPatience);
  }
  client.receiving = true;
  ring_.arm_recv(static_cast<int>(index), true,
                 WorkerTag{WorkerOp::kRecv, client.generation, index}.pack());
  if (options_.target.transport == Transport::kTcp) return on_transport_ready(index);
  client.state = ClientState::kUpgrading;
  const std::string request = upgrade_request(options_.target);
  std::memcpy(reserve(index, request.size()), request.data(), request.size());
}

void Worker::on_transport_ready(std::uint32_t index) {
  if (options_.raw) return become_ready(index);
  const Client& client = clients_[index];
  if (client.cycle_open) count_answer(Action::kConnect, client.login_counted, client.began_ns);
  log_in(index);
}

// --- To a login ---------------------------------------------------------------------------------

void Worker::log_in(std::uint32_t index) {
  Client& client = clients_[index];
  client.state = ClientState::kLoggingIn;
  const std::string body = login_body(token_of(index));
  OutgoingHeader header;
  header.command = options_.login_command;
  header.sequence = client.sequence = 1;
  const Transport transport = options_.target.transport;
  write_request(reserve(index, request_bytes(transport, header, body.size())), transport, header,
                as_bytes(body));
}

std::string Worker::token_of(std::uint32_t index) const {
  if (!options_.token.empty()) return options_.token;
  return sign_token({account_of(index), options_.app, std::time(nullptr) + kTokenLifeS},
                    options_.secret);
}

// Each login of a storm is another account, so that no old session is in its way.
std::string Worker::account_of(std::uint32_t index) const {
  std::uint64_t number = share_.first_client + index;
  if (options_.scenario == Scenario::kLogin) {
    number += std::uint64_t{clients_[index].logins - 1} * options_.connections;
  }
  return fmt::format("{}{:06}", options_.account_prefix, number);
}

void Worker::login_answered(std::uint32_t index, const Incoming& answer) {
  if (answer.status != static_cast<std::uint32_t>(Status::kSuccess)) {
    return login_failed(index, answer);
  }
  ++tally_.logins;
  if (options_.scenario != Scenario::kLogin) return become_ready(index);
  Client& client = clients_[index];
  --under_way_;
  count_answer(Action::kLogin, client.login_counted, client.began_ns);
  client.login_counted = false;
  say_goodbye(index);
}

void Worker::login_failed(std::uint32_t index, const Incoming& answer) {
  ++tally_.statuses[std::min<std::size_t>(answer.status, Tally::kStatuses - 1)];
  const std::string_view mend =
      answer.status == static_cast<std::uint32_t>(Status::kUnauthorized)
          ? "--secret or --token is not what the gateway expects (AppSecret)"
          : "is a login service connected? see the gateway's /ready";
  lose(index, ErrorKind::kLoginFailed, fmt::format("status {}: {}", answer.status, mend),
       answer.status == static_cast<std::uint32_t>(Status::kUnauthorized));
}

void Worker::become_ready(std::uint32_t index) {
  Client& client = clients_[index];
  client.state = ClientState::kReady;
  client.last_sent_ms = static_cast<std::uint32_t>((now_ns_ - begin_ns_) / kMillisecondNs);
  --under_way_;
  ++ready_;
  progress_ns_ = now_ns_;
  if (phase_ == Phase::kRun && !options_.open_loop()) {  // it was lost and is back
    for (unsigned i = 0; i < options_.in_flight; ++i) send_next(index);
  }
}

void Worker::watch_set_up() {
  if (ready_ == clients_.size() || now_ns_ < progress_ns_ + kSetUpStallNs) return;
  state_.fail_once(
      fmt::format("no progress for {} s with {} of {} connections ready: look at the target's "
                  "/ready and its log, or use fewer --connections",
                  kSetUpStallNs / kSecondNs, ready_, clients_.size()));
}

// --- To an end ----------------------------------------------------------------------------------

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
  give_up_or_retry(index, kind, why, hopeless);
  count_error(kind);
  const bool was_ready = client.state == ClientState::kReady;
  std::string& first = was_ready ? tally_.first_loss : tally_.first_login_failure;
  if (first.empty()) first = why.empty() ? name_of(kind) : why;
  if (was_ready) {
    --ready_;
  } else {
    --under_way_;
  }
  lose_login(client, kind);
  pending_.drain(client.pending, [this](const Pending& message) { lose_message(message); });
  if (client.state == ClientState::kConnecting) cancel(index, WorkerOp::kConnect);
  client.state = ClientState::kLost;
  begin_close(index);
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
void Worker::lose_login(Client& client, ErrorKind kind) {
  const auto end = [&](Action action) {
    if (kind == ErrorKind::kLoginFailed || kind == ErrorKind::kOwnLimit) {
      ++tally_.of(action).failed;
    } else {
      never_answered(action, client.began_ns);
    }
  };
  if (!client.login_counted) return;
  const bool connected =
      client.state != ClientState::kConnecting && client.state != ClientState::kUpgrading;
  if (!connected) end(Action::kConnect);
  end(Action::kLogin);
  end(Action::kCycle);
  client.login_counted = client.cycle_counted = false;
}

void Worker::fail_set_up(std::uint32_t index, ErrorKind kind, std::string_view why) {
  switch (kind) {
    case ErrorKind::kConnectFailed:
      return state_.fail_once(fmt::format("cannot connect to {}: {}", options_.target.text, why));
    case ErrorKind::kLoginFailed:
      return state_.fail_once(
          fmt::format("login of {} was refused with {}", account_of(index), why));
    case ErrorKind::kConnectionLost:
      return state_.fail_once(
          fmt::format("{} closed connection {} before the run began ({}): see its log and its "
                      "bounds",
                      options_.target.text, share_.first_client + index, why));
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
    case ClientState::kUpgrading:
      return lose(index, ErrorKind::kConnectFailed, "no answer to the upgrade within 6 s");
    case ClientState::kLoggingIn:
      return lose(index, ErrorKind::kLoginFailed, "no answer within 6 s");
    case ClientState::kClosing:
      return begin_close(index);
    case ClientState::kClosed:
    case ClientState::kConnecting:
    case ClientState::kReady:
    case ClientState::kLost:
      return;
  }
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
  client.output.clear(pool_);
  client.input.clear(pool_);
  reader_.forget(index);
  ++client.generation;
  client.closing = client.starved = false;
  const bool was_lost = client.state == ClientState::kLost;
  client.state = ClientState::kClosed;
  if (options_.scenario == Scenario::kLogin) {
    client.cycle_open = false;
    --cycles_open_;
    if (!was_lost) count_answer(Action::kCycle, client.cycle_counted, client.began_ns);
    client.cycle_counted = false;
    const bool pause = refused() && !options_.open_loop();
    if (pause) return wake_at(now_ns_ + kRefusedPauseNs, index, Wake::kOpen);
    return login_slot_free(index);
  }
  if (options_.reconnect || client.retry) {
    return wake_at(now_ns_ + random_.between(kReconnectMinNs, kReconnectMaxNs), index, Wake::kOpen);
  }
  gone_.store(gone_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace ringgate::bench
