// The port: who gets in, who has to go, and the end.
#include "control/http/server.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <future>
#include <utility>

#include "control/base/thread.h"

namespace ringgate::http {
namespace {

constexpr int kAcceptsPerTurn = 64;
constexpr std::chrono::milliseconds kPause{100};
constexpr std::chrono::milliseconds kFinishTime{500};
constexpr std::chrono::milliseconds kLeaveTime{1000};

}  // namespace

Server::Server(std::unique_ptr<ControlLoop> loop, Listener listener, const Bounds& bounds)
    : bounds_(bounds),
      bound_(listener.bound()),
      loop_(std::move(loop)),
      listener_(std::move(listener)) {}

Server::~Server() {
  stop();
}

Result<std::unique_ptr<Server>> Server::listen(const std::string& address, std::uint16_t port,
                                               const std::string& key, const Bounds& bounds) {
  Result<std::unique_ptr<ControlLoop>> loop = ControlLoop::create();
  if (!loop) return std::unexpected(loop.error());
  Result<Listener> listener = Listener::open(address, port, key);
  if (!listener) return std::unexpected(listener.error());
  return std::unique_ptr<Server>(new Server(std::move(*loop), std::move(*listener), bounds));
}

Result<std::unique_ptr<Server>> Server::adopt(UniqueFd socket, const Bounds& bounds) {
  Result<std::unique_ptr<ControlLoop>> loop = ControlLoop::create();
  if (!loop) return std::unexpected(loop.error());
  return std::unique_ptr<Server>(
      new Server(std::move(*loop), Listener::adopt(std::move(socket)), bounds));
}

void Server::use_tls(TlsContext context) {
  if (!thread_.joinable()) {
    is_tls_ = bool{context};
    tls_ = std::move(context);
  } else if (is_tls_) {
    loop_->post([this, context = std::move(context)] { tls_ = context; });
  }
}

void Server::serve(Handler handler) {
  if (thread_.joinable()) return;
  handler_ = std::move(handler);
  loop_->watch(listener_.fd(), ControlLoop::Until::kReadable, [this] { accept_some(); });
  thread_ = start_thread("monitor", [this] { loop_->run(); });
}

// --- Who gets in --------------------------------------------------------------------------------

Server::Peer Server::peer_of(const SocketAddress& address) {
  constexpr std::size_t kNetwork = 8;  // bytes of an IPv6 address that name one site
  Peer peer{};
  if (address.family() == AF_INET) {
    const auto* const v4 = reinterpret_cast<const sockaddr_in*>(&address.storage);
    std::memcpy(peer.data() + 12, &v4->sin_addr, sizeof v4->sin_addr);
  } else if (address.family() == AF_INET6) {
    const auto* const v6 = reinterpret_cast<const sockaddr_in6*>(&address.storage);
    const bool is_mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(&v6->sin6_addr);
    if (is_mapped) {
      std::memcpy(peer.data() + 12, bytes + 12, 4);
    } else {
      std::memcpy(peer.data(), bytes, kNetwork);
    }
  }
  return peer;
}

void Server::accept_some() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    Listener::Accepted accepted = listener_.accept();
    if (accepted.outcome == Listener::Outcome::kNobody) return;
    if (accepted.outcome == Listener::Outcome::kAccepted) {
      admit(std::move(accepted.socket), accepted.peer);
      continue;
    }
    Connection* const least = least_lost([](const Connection&) { return true; });
    if (accepted.outcome == Listener::Outcome::kNoMemory || least == nullptr) {
      pause_accepting();
      return;
    }
    drop(*least, Dropped::kNoDescriptor);  // its descriptor goes into the reserve
  }
}

// Level-triggered, it would spin on a connection that waits and cannot be accepted.
void Server::pause_accepting() {
  pauses_.fetch_add(1, std::memory_order_relaxed);
  loop_->unwatch(listener_.fd());
  loop_->after(kPause, [this] {
    if (ending_ || has_left_) return;
    loop_->watch(listener_.fd(), ControlLoop::Until::kReadable, [this] { accept_some(); });
  });
}

void Server::admit(UniqueFd socket, const SocketAddress& address) {
  const Peer peer = peer_of(address);
  make_room(peer);
  const std::uint64_t id = next_id_++;
  Connection& connection = connections_[id];
  connection.id = id;
  connection.peer = peer;
  connection.peer_text = format_address(address);
  connection.stream = Stream(std::move(socket), tls_);
  open_.store(connections_.size(), std::memory_order_relaxed);
  expect_within(connection, bounds_.request_time);
  wait_until(connection, ControlLoop::Until::kReadable);
  read_some(connection);
}

void Server::make_room(const Peer& peer) {
  const auto is_peers = [&peer](const Connection& connection) { return connection.peer == peer; };
  const auto of_peer = std::ranges::count_if(
      connections_, [&](const auto& entry) { return is_peers(entry.second); });
  if (static_cast<std::size_t>(of_peer) >= bounds_.max_connections_per_address) {
    drop_least(is_peers, Dropped::kPeerCrowded);
  } else if (connections_.size() >= bounds_.max_connections) {
    drop_least([](const Connection&) { return true; }, Dropped::kCrowded);
  }
}

// Many may have come before it was anybody's turn: a request that has arrived meanwhile is taken,
// so that only those lose their place who have not sent theirs.
void Server::drop_least(const std::function<bool(const Connection&)>& of, Dropped why) {
  for (;;) {
    Connection* const least = least_lost(of);
    if (least->state != State::kReading) return drop(*least, why);
    const std::uint64_t id = least->id;
    read_some(*least);
    const auto at = connections_.find(id);
    if (at == connections_.end()) return;  // it had gone, and leaves its place
    if (at->second.state == State::kReading) return drop(at->second, why);
  }
}

// The oldest of those that lose least: State is in that order. Null when there is none.
Server::Connection* Server::least_lost(const std::function<bool(const Connection&)>& of) {
  Connection* least = nullptr;
  for (auto& [id, connection] : connections_) {
    if (!of(connection)) continue;
    if (least == nullptr || connection.state < least->state) least = &connection;
  }
  return least;
}

// Those that have been slowest to take theirs go first.
void Server::make_room_for_answers(const Connection& newest) {
  while (answer_bytes_ > bounds_.max_answer_bytes) {
    Connection* const slowest = least_lost([&](const Connection& connection) {
      return connection.state == State::kWriting && connection.id != newest.id;
    });
    if (slowest == nullptr) return;
    drop(*slowest, Dropped::kAnswerBytes);
  }
}

// --- The end ------------------------------------------------------------------------------------

void Server::leave_port() {
  if (!thread_.joinable()) return listener_.close();
  const auto left = std::make_shared<std::promise<void>>();
  loop_->post([this, left] {
    if (!ending_ && !std::exchange(has_left_, true)) {
      loop_->unwatch(listener_.fd());
      listener_.close();
    }
    left->set_value();
  });
  left->get_future().wait_for(kLeaveTime);
}

void Server::stop_taking() {
  if (!thread_.joinable()) return;
  loop_->post([this] {
    if (std::exchange(ending_, true)) return;
    if (!has_left_) loop_->unwatch(listener_.fd());
    listener_.close();
    for (auto at = connections_.begin(); at != connections_.end();) {
      Connection& connection = (at++)->second;
      if (connection.state <= State::kReading) close(connection);
    }
  });
}

void Server::stop() {
  if (!thread_.joinable()) {
    listener_.close();
    return;
  }
  stop_taking();
  loop_->post([this] { finish(); });
  thread_.join();
}

void Server::finish() {
  finishing_ = true;
  const auto waits = [](const Connection& connection) {
    return connection.state == State::kAnswering;
  };
  // Answering one may close others.
  while (Connection* const waiting = least_lost(waits)) {
    answer(*waiting, {503, "the process is ending\n"});
  }
  loop_->after(kFinishTime, [this] { loop_->stop(); });
  end_if_empty();
}

void Server::end_if_empty() {
  if (finishing_ && connections_.empty()) loop_->stop();
}

// --- Metrics ------------------------------------------------------------------------------------

void Server::collect(MetricsSnapshot& metrics, const std::string& port) const {
  static constexpr std::array kReasons = {"connections", "connections_of_address",
                                          "descriptors", "request_time",
                                          "answer_time", "take_time",
                                          "answer_bytes"};
  static_assert(kReasons.size() == static_cast<std::size_t>(Dropped::kCount));
  const auto number = [](const auto& cell) {
    return static_cast<double>(cell.load(std::memory_order_relaxed));
  };
  metrics.gauge("ringgate_http_connections", "open connections of the monitor and admin ports",
                {{"port", port}}, number(open_));
  for (std::size_t status = 0; status < answers_.size(); ++status) {
    if (answers_[status].load(std::memory_order_relaxed) == 0) continue;
    metrics.counter("ringgate_http_answers_total", "HTTP answers, by status",
                    {{"port", port}, {"status", std::to_string(status)}}, number(answers_[status]));
  }
  for (std::size_t why = 0; why < dropped_.size(); ++why) {
    metrics.counter("ringgate_http_dropped_total",
                    "HTTP connections that were ended for a bound, by which",
                    {{"port", port}, {"bound", kReasons[why]}}, number(dropped_[why]));
  }
  metrics.counter("ringgate_http_accept_pauses_total",
                  "times that no HTTP connection could be accepted for want of a descriptor",
                  {{"port", port}}, number(pauses_));
}

}  // namespace ringgate::http
