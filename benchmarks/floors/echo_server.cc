#include "benchmarks/floors/echo_server.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "benchmarks/floors/tag.h"

namespace ringgate::bench {

EchoServer::EchoServer(int listener, unsigned gather_us)
    : gather_us_(gather_us),
      connections_(most_direct_descriptors()),
      acceptor_(ring_, listener, connections_.size()) {
  dirty_.reserve(connections_.size());
  starved_.reserve(connections_.size());
  for (std::size_t at = 0; at < pongs_.size(); at += kEchoMessageBytes) {
    std::copy(kTcpPong.begin(), kTcpPong.end(), pongs_.data() + at);
  }
}

Result<void> EchoServer::open() {
  return ring_.open(static_cast<unsigned>(connections_.size()));
}

Result<void> EchoServer::run(const std::atomic<bool>& stop) {
  acceptor_.arm();
  while (!stop.load(std::memory_order_relaxed)) {
    const int error =
        gather_us_ > 0 ? ring_.wait_gathering(kTickMs, gather_us_) : ring_.submit_and_wait(kTickMs);
    if (error != 0) {
      return fail(fmt::format("waiting on the ring failed: {}", std::strerror(-error)));
    }
    ring_.for_each_completion([this](const io_uring_cqe& cqe) { on_completion(cqe); });
    end_batch();
  }
  return {};
}

void EchoServer::on_completion(const io_uring_cqe& cqe) {
  const std::uint32_t slot = number_of(cqe.user_data);
  switch (kind_of(cqe.user_data)) {
    case Kind::kRecv:
      return on_recv(slot, cqe);
    case Kind::kSend:
      return on_send(slot, cqe.res);
    case Kind::kAccept:
      return on_accept(slot, cqe.res);
    case Kind::kShutdown:
      return;  // never started here
    case Kind::kClose:
      return on_closed(slot);
  }
}

void EchoServer::on_accept(std::uint32_t which, int result) {
  acceptor_.completed(which, result);
  if (result < 0) return;
  const auto slot = static_cast<std::uint32_t>(result);
  connections_[slot] = EchoConnection{.open = true, .receiving = true};
  ring_.arm_recv(result, true, tag(Kind::kRecv, slot));
}

void EchoServer::on_recv(std::uint32_t slot, const io_uring_cqe& cqe) {
  EchoConnection& connection = connections_[slot];
  if ((cqe.flags & IORING_CQE_F_BUFFER) != 0) {
    const std::size_t bytes = connection.partial_bytes + ring_.take_received(cqe).size();
    connection.partial_bytes = static_cast<std::uint16_t>(bytes % kEchoMessageBytes);
    on_messages(slot, static_cast<std::uint32_t>(bytes / kEchoMessageBytes));
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

void EchoServer::owe(std::uint32_t slot, std::uint32_t pongs) {
  connections_[slot].owed_pongs += pongs;
  mark_dirty(slot, connections_[slot]);
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
  acceptor_.released();
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
  acceptor_.arm();
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
