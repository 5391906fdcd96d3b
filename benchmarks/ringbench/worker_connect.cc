// Worker: from nothing to a client that is logged in.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "benchmarks/ringbench/own_limit.h"
#include "benchmarks/ringbench/worker.h"
#include "codec/pkt.pb.h"
#include "services/auth/token.h"

namespace ringgate::bench {
namespace {

constexpr std::size_t kConnectsInFlight = 1024;  // of all threads: well below a listener's backlog
constexpr std::uint64_t kSetUpStallNs = 15 * kSecondNs;
constexpr std::int64_t kTokenLifeS = 24 * 3600;
// From the connection to the login's answer. Above the five seconds that a gateway waits for its
// login service, so that its own refusal is told.
constexpr std::uint64_t kLoginPatienceNs = 6 * kSecondNs;

constexpr const char* kNobodyText = "nothing listens there: start the target or mend --target";

// It took connections before: a gateway without room closes its listener.
constexpr const char* kFullText =
    "nothing listens there any more, though it took connections before: it is full (a gateway's "
    "MaxConnections, `ulimit -n`) or has ended, see its log; use fewer --connections";

constexpr const char* kNoLoginText =
    "status 0 and no LoginResp with a channel id: is it a login service that answers there "
    "(--login-command)?";

bool is_login(ByteView body) {
  thread_local pkt::LoginResp answer;
  return answer.ParseFromArray(body.data(), static_cast<int>(body.size())) &&
         !answer.channelid().empty();
}

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
    const bool is_full = state_.took_connections.load(std::memory_order_relaxed);
    const char* const why = !refused              ? std::strerror(-result)
                            : is_full             ? kFullText
                            : options_.target.tls ? kNobodyOverTlsText
                                                  : kNobodyText;
    return lose(index, ErrorKind::kConnectFailed, why, refused);
  }
  Client& client = clients_[index];
  ++tally_.connects;
  state_.took_connections.store(true, std::memory_order_relaxed);
  progress_ns_ = now_ns_;
  if (options_.scenario != Scenario::kLogin) {
    wake_at(now_ns_ + kLoginPatienceNs, index, Wake::kPatience);
  }
  client.receiving = true;
  ring_.arm_recv(static_cast<int>(index), true,
                 WorkerTag{WorkerOp::kRecv, client.generation, index}.pack());
  if (options_.target.tls) return begin_tls(index);
  begin_transport(index);
}

void Worker::begin_transport(std::uint32_t index) {
  Client& client = clients_[index];
  if (options_.target.transport == Transport::kTcp) return on_transport_ready(index);
  client.state = ClientState::kUpgrading;
  const std::string request = upgrade_request(options_.target);
  std::memcpy(reserve(index, request.size()), request.data(), request.size());
}

void Worker::on_transport_ready(std::uint32_t index) {
  if (options_.raw) return become_ready(index);
  const Client& client = clients_[index];
  if (client.cycle_open) count_answer(Action::kConnect, client.login_counted, connect_ns_[index]);
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
  const bool success = answer.status == static_cast<std::uint32_t>(Status::kSuccess);
  if (!success || !is_login(answer.body)) return login_failed(index, answer);
  ++tally_.logins;
  if (options_.scenario != Scenario::kLogin) return become_ready(index);
  Client& client = clients_[index];
  --under_way_;
  count_answer(Action::kLogin, client.login_counted, client.began_ns);
  client.login_counted = false;
  say_goodbye(index);
}

void Worker::login_failed(std::uint32_t index, const Incoming& answer) {
  tally_.last_answer_ns = now_ns_;
  const bool load = options_.scenario == Scenario::kLogin;
  if (load && state_.in_window(now_ns_)) ++tally_.of(Action::kLogin).refused_in_window;
  if (answer.status == static_cast<std::uint32_t>(Status::kSuccess)) {
    return lose(index, ErrorKind::kLoginFailed, kNoLoginText, true);
  }
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

}  // namespace ringgate::bench
