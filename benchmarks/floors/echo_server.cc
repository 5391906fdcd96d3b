#include "benchmarks/floors/echo_server.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ringgate::bench {
namespace {

constexpr unsigned kTickMs = 100;

enum class Kind : std::uint8_t { kAccept, kRecv, kSend, kClose };

constexpr std::uint64_t tag(Kind kind, std::uint32_t slot) noexcept {
  return (std::uint64_t{slot} << 8) | static_cast<std::uint8_t>(kind);
}

}  // namespace

EchoServer::~EchoServer() {
  if (listener_ >= 0) close(listener_);
}

Result<void> EchoServer::open(const std::string& host_port) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  connections_.resize(std::min<std::size_t>(files.rlim_cur, 1U << 20));
  dirty_.reserve(connections_.size());
  starved_.reserve(connections_.size());
  for (std::size_t at = 0; at < pongs_.size(); at += kEchoMessageBytes) {
    std::copy(kTcpPong.begin(), kTcpPong.end(), pongs_.data() + at);
  }
  auto opened = ring_.open(static_cast<unsigned>(connections_.size()));
  if (!opened) return opened;
  return listen_on(host_port);
}

Result<void> EchoServer::listen_on(const std::string& host_port) {
  const auto address = resolve_address(host_port);
  if (!address) return std::unexpected(address.error());
  address_ = *address;
  listener_ = socket(address_.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(listener_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // inherited by what it accepts
  if (bind(listener_, address_.get(), address_.bytes) != 0 || listen(listener_, 4096) != 0) {
    return fail(fmt::format("cannot listen on {}: {}; choose another --listen", host_port,
                            std::strerror(errno)));
  }
  address_.bytes = sizeof address_.storage;
  getsockname(listener_, address_.get(), &address_.bytes);
  return {};
}

void EchoServer::arm_accept(std::uint32_t which) {
  PendingAccept& accept = accepts_[which];
  accept.peer_bytes = sizeof accept.peer;
  io_uring_sqe* sqe = ring_.sqe();
  io_uring_prep_accept(sqe, listener_, reinterpret_cast<sockaddr*>(&accept.peer),
                       &accept.peer_bytes, 0);
  // Set by hand: io_uring_prep_accept_direct of liburing 2.3 adds one, which turns ALLOC into 0.
  sqe->file_index = IORING_FILE_INDEX_ALLOC;
  io_uring_sqe_set_data64(sqe, tag(Kind::kAccept, which));
  ++used_slots_;
}

// A full table loses the accepted socket, so no more accepts are armed than it has room for.
void EchoServer::arm_idle_accepts() {
  while (!idle_accepts_.empty() && used_slots_ < connections_.size()) {
    arm_accept(idle_accepts_.back());
    idle_accepts_.pop_back();
  }
}

int EchoServer::run(const volatile std::sig_atomic_t& stop) {
  for (std::uint32_t which = 0; which < kAcceptsArmed; ++which) idle_accepts_.push_back(which);
  arm_idle_accepts();
  while (stop == 0) {
    if (const int error = ring_.submit_and_wait(kTickMs); error != 0) return error;
    ring_.for_each_completion([this](const io_uring_cqe& cqe) { on_completion(cqe); });
    end_batch();
  }
  return 0;
}

void EchoServer::on_completion(const io_uring_cqe& cqe) {
  const auto slot = static_cast<std::uint32_t>(cqe.user_data >> 8);
  switch (static_cast<Kind>(cqe.user_data & 0xff)) {
    case Kind::kRecv:
      return on_recv(slot, cqe);
    case Kind::kSend:
      return on_send(slot, cqe.res);
    case Kind::kAccept:
      return on_accept(slot, cqe.res);
    case Kind::kClose:
      return on_closed(slot);
  }
}

void EchoServer::on_accept(std::uint32_t which, int result) {
  --used_slots_;
  idle_accepts_.push_back(which);
  if (result < 0) return;
  const auto slot = static_cast<std::uint32_t>(result);
  ++used_slots_;
  connections_[slot] = EchoConnection{.open = true, .receiving = true};
  ring_.arm_recv(result, true, tag(Kind::kRecv, slot));
}

void EchoServer::on_recv(std::uint32_t slot, const io_uring_cqe& cqe) {
  EchoConnection& connection = connections_[slot];
  if ((cqe.flags & IORING_CQE_F_BUFFER) != 0) {
    const std::size_t bytes = connection.partial_bytes + ring_.take_received(cqe).size();
    connection.owed_pongs += static_cast<std::uint32_t>(bytes / kEchoMessageBytes);
    connection.partial_bytes = static_cast<std::uint16_t>(bytes % kEchoMessageBytes);
    mark_dirty(slot, connection);
  }
  if ((cqe.flags & IORING_CQE_F_MORE) != 0) return;
  if (cqe.res == -ENOBUFS || cqe.res > 0) {
    starved_.push_back(slot);
    return;
  }
  connection.receiving = false;
  connection.open = false;
  mark_dirty(slot, connection);
}

void EchoServer::on_send(std::uint32_t slot, int result) {
  EchoConnection& connection = connections_[slot];
  connection.sending = false;
  // A send fails when the peer has gone; the recv says so too, and ends the connection.
  if (result < 0) connection.owed_pongs = 0;
  if (connection.owed_pongs > 0 || !connection.open) mark_dirty(slot, connection);
}

void EchoServer::on_closed(std::uint32_t slot) {
  connections_[slot] = EchoConnection{};
  --used_slots_;
}

void EchoServer::mark_dirty(std::uint32_t slot, EchoConnection& connection) {
  if (connection.dirty) return;
  connection.dirty = true;
  dirty_.push_back(slot);
}

void EchoServer::end_batch() {
  ring_.return_buffers();
  for (const std::uint32_t slot : starved_) {
    ring_.arm_recv(static_cast<int>(slot), true, tag(Kind::kRecv, slot));
  }
  starved_.clear();
  for (const std::uint32_t slot : dirty_) {
    EchoConnection& connection = connections_[slot];
    connection.dirty = false;
    if (connection.open) {
      send_owed(slot, connection);
    } else {
      close_when_idle(slot, connection);
    }
  }
  dirty_.clear();
  arm_idle_accepts();
}

void EchoServer::send_owed(std::uint32_t slot, EchoConnection& connection) {
  if (connection.sending || connection.owed_pongs == 0) return;
  const std::size_t pongs = std::min<std::size_t>(connection.owed_pongs, kPongsPerSend);
  connection.owed_pongs -= static_cast<std::uint32_t>(pongs);
  connection.sending = true;
  io_uring_sqe* send = ring_.sqe();
  io_uring_prep_send(send, static_cast<int>(slot), pongs_.data(), pongs * kEchoMessageBytes,
                     MSG_WAITALL | MSG_NOSIGNAL);
  send->flags |= IOSQE_FIXED_FILE;
  io_uring_sqe_set_data64(send, tag(Kind::kSend, slot));
}

void EchoServer::close_when_idle(std::uint32_t slot, EchoConnection& connection) {
  if (connection.sending || connection.receiving) return;
  io_uring_sqe* sqe = ring_.sqe();
  io_uring_prep_close_direct(sqe, slot);
  io_uring_sqe_set_data64(sqe, tag(Kind::kClose, slot));
}

}  // namespace ringgate::bench
