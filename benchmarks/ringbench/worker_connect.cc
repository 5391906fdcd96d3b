// Worker: from nothing to a client that is logged in, and to the end of a connection.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "benchmarks/ringbench/worker.h"
#include "benchmarks/ringbench/worker_tag.h"
#include "services/token.h"

namespace ringgate::bench {
namespace {

constexpr std::size_t kConnectsInFlight = 1024;  // of all threads: well below a listener's backlog
constexpr std::uint64_t kSetUpStallNs = 15 * kSecondNs;
constexpr std::int64_t kTokenLifeS = 24 * 3600;
constexpr std::uint64_t kReconnectMinNs = 100 * kMillisecondNs;
constexpr std::uint64_t kReconnectMaxNs = kSecondNs;

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

void Worker::open_connection(std::uint32_t index) {
  Client& client = clients_[index];
  const unsigned source = share_.first_client + index + client.logins;
  const int fd = open_client_socket(options_.target.address, source);
  if (fd < 0) {
    return state_.fail_once(
        fmt::format("cannot open a socket: {}; use fewer --threads, or raise "
                    "`ulimit -n`",
                    std::strerror(errno)));
  }
  const int error = ring_.set_direct(index, {&fd, 1});
  close(fd);
  if (error != 0) {
    return state_.fail_once(
        fmt::format("cannot keep a socket in the ring: {}", std::strerror(-error)));
  }
  client.state = ClientState::kConnecting;
  ++client.logins;
  ++under_way_;
  io_uring_sqe* sqe = ring_.sqe();
  io_uring_prep_connect(sqe, static_cast<int>(index), options_.target.address.get(),
                        options_.target.address.bytes);
  sqe->flags |= IOSQE_FIXED_FILE;
  io_uring_sqe_set_data64(sqe, WorkerTag{WorkerOp::kConnect, client.generation, index}.pack());
}

void Worker::on_connected(std::uint32_t index, int result) {
  if (result < 0) {
    return lose(index, ErrorKind::kConnectFailed,
                result == -ECONNREFUSED ? "nothing listens there: start the target or mend --target"
                                        : std::strerror(-result));
  }
  Client& client = clients_[index];
  ++tally_.connects;
  progress_ns_ = now_ns_;
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
  ++answered_;
  if (client.login_counted) ++tally_.of(Action::kLogin).answered;
  count_time(Action::kLogin, client.login_counted, client.began_ns);
  client.login_counted = false;
  client.state = ClientState::kClosing;
  begin_close(index);
}

void Worker::login_failed(std::uint32_t index, const Incoming& answer) {
  ++tally_.statuses[std::min<std::size_t>(answer.status, Tally::kStatuses - 1)];
  const std::string_view mend =
      answer.status == static_cast<std::uint32_t>(Status::kUnauthorized)
          ? "--secret or --token is not what the gateway expects (AppSecret)"
          : "is a login service connected? see the gateway's /ready";
  lose(index, ErrorKind::kLoginFailed, fmt::format("status {}: {}", answer.status, mend));
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

void Worker::lose(std::uint32_t index, ErrorKind kind, std::string_view why) {
  Client& client = clients_[index];
  if (!connected(client) || client.state == ClientState::kClosing) return try_close(index);
  const bool storm = options_.scenario == Scenario::kLogin;
  if (storm ? tally_.logins == 0 : phase_ == Phase::kSetUp && !options_.reconnect) {
    fail_set_up(index, kind, why);
  }
  count_error(kind);
  if (tally_.first_loss.empty()) tally_.first_loss = why.empty() ? name_of(kind) : why;
  if (client.state == ClientState::kReady) {
    --ready_;
  } else {
    --under_way_;
  }
  if (client.login_counted) ++tally_.of(Action::kLogin).failed;
  client.login_counted = false;
  pending_.drain(client.pending, [this](const Pending& message) { fail(message); });
  client.state = ClientState::kLost;
  begin_close(index);
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

// Shuts both ways down, which ends the receive; the slot is closed when nothing is in flight.
void Worker::begin_close(std::uint32_t index) {
  Client& client = clients_[index];
  if (client.receiving) {
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
  ++client.generation;
  client.closing = client.starved = false;
  client.state = ClientState::kClosed;
  if (options_.scenario == Scenario::kLogin) return login_slot_free(index);
  if (options_.reconnect) {
    return wake_at(now_ns_ + random_.between(kReconnectMinNs, kReconnectMaxNs), index);
  }
  gone_.store(gone_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace ringgate::bench
