#include "benchmarks/floors/tls_echo_server.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include "benchmarks/floors/direct_acceptor.h"
#include "benchmarks/floors/tag.h"
#include "control/base/unique_fd.h"

namespace ringgate::bench {

TlsEchoServer::TlsEchoServer(int listener)
    : listener_(listener), connections_(most_direct_descriptors()) {
  dirty_.reserve(connections_.size());
  starved_.reserve(connections_.size());
  free_.reserve(connections_.size());
  for (std::size_t slot = connections_.size(); slot > 0; --slot) {
    free_.push_back(static_cast<std::uint32_t>(slot - 1));
  }
}

Result<void> TlsEchoServer::open() {
  auto handshakes = TlsHandshakes::create();
  if (!handshakes) return std::unexpected(handshakes.error());
  handshakes_ = std::make_unique<TlsHandshakes>(std::move(*handshakes));
  return ring_.open(static_cast<unsigned>(connections_.size()));
}

Result<void> TlsEchoServer::run(const std::atomic<bool>& stop) {
  arm_accept();
  while (!stop.load(std::memory_order_relaxed)) {
    if (const int error = ring_.submit_and_wait(kTickMs); error != 0) {
      return fail(fmt::format("waiting on the ring failed: {}", std::strerror(-error)));
    }
    ring_.for_each_completion([this](const io_uring_cqe& cqe) { on_completion(cqe); });
    end_batch();
  }
  return {};
}

// An ordinary descriptor, since OpenSSL knows no others.
void TlsEchoServer::arm_accept() {
  if (accepting_) return;
  accepting_ = true;
  io_uring_sqe* const accept = ring_.sqe();
  io_uring_prep_multishot_accept(accept, listener_, nullptr, nullptr, SOCK_CLOEXEC);
  io_uring_sqe_set_data64(accept, tag(Kind::kAccept, 0));
}

void TlsEchoServer::on_completion(const io_uring_cqe& cqe) {
  const std::uint32_t slot = number_of(cqe.user_data);
  switch (kind_of(cqe.user_data)) {
    case Kind::kRecv:
      return on_recv(slot, cqe);
    case Kind::kSend:
      return on_send(slot, cqe.res);
    case Kind::kAccept:
      return on_accept(cqe);
    case Kind::kShutdown:
      connections_[slot].shutting_down = false;
      return mark_dirty(slot, connections_[slot]);
    case Kind::kClose:
      connections_[slot] = TlsEchoConnection{};
      free_.push_back(slot);
      return;
  }
}

void TlsEchoServer::on_accept(const io_uring_cqe& cqe) {
  if ((cqe.flags & IORING_CQE_F_MORE) == 0) accepting_ = false;
  if (cqe.res >= 0) take(cqe.res);
}

// Where the handshake fails, or no slot is free, the connection is closed.
void TlsEchoServer::take(int socket) {
  const UniqueFd fd(socket);
  if (free_.empty()) return;
  auto records = handshakes_->shake_hands(socket);
  if (!records) return;
  const std::uint32_t slot = free_.back();
  if (ring_.set_direct(slot, std::span(&socket, 1)) != 0) return;
  free_.pop_back();
  TlsEchoConnection& connection = connections_[slot];
  connection.records = std::move(*records);
  connection.open = true;
  connection.receiving = true;
  ring_.arm_recv(static_cast<int>(slot), true, tag(Kind::kRecv, slot));
}

void TlsEchoServer::on_recv(std::uint32_t slot, const io_uring_cqe& cqe) {
  TlsEchoConnection& connection = connections_[slot];
  if ((cqe.flags & IORING_CQE_F_BUFFER) != 0) {
    const MutableBytes bytes = ring_.take_received(cqe);
    if (connection.open) on_bytes(connection, bytes);
    mark_dirty(slot, connection);
  }
  if ((cqe.flags & IORING_CQE_F_MORE) != 0) return;
  if (connection.open && (cqe.res == -ENOBUFS || cqe.res > 0)) {
    starved_.push_back(slot);
    return;
  }
  connection.receiving = false;
  connection.open = false;
  mark_dirty(slot, connection);
}

void TlsEchoServer::on_bytes(TlsEchoConnection& connection, MutableBytes bytes) {
  std::vector<std::uint8_t>& carry = connection.carry;
  if (carry.empty()) bytes = bytes.subspan(open_records(connection, bytes));
  if (bytes.empty()) return;
  carry.insert(carry.end(), bytes.begin(), bytes.end());
  const std::size_t used = open_records(connection, carry);
  carry.erase(carry.begin(), carry.begin() + static_cast<std::ptrdiff_t>(used));
}

// How many bytes of whole records there were. What is no data ends the connection.
std::size_t TlsEchoServer::open_records(TlsEchoConnection& connection, MutableBytes bytes) {
  std::size_t used = 0;
  while (connection.open && bytes.size() - used >= kTlsHeadBytes) {
    const std::size_t record =
        kTlsHeadBytes + load_be<std::uint16_t>(bytes.data() + used + kTlsHeadBytes - 2);
    if (bytes.size() - used < record) break;
    if (!connection.records.in.open(bytes.subspan(used, record))) {
      connection.open = false;
      break;
    }
    used += record;
    const std::size_t messages = connection.partial_bytes + record - kTlsOverheadBytes;
    connection.owed_pongs += static_cast<std::uint32_t>(messages / kTcpPing.size());
    connection.partial_bytes = static_cast<std::uint16_t>(messages % kTcpPing.size());
  }
  return used;
}

void TlsEchoServer::on_send(std::uint32_t slot, int result) {
  TlsEchoConnection& connection = connections_[slot];
  connection.sending = false;
  // A send fails when the peer has gone; the recv says so too, and ends the connection.
  if (result < 0) connection.owed_pongs = 0;
  if (connection.owed_pongs > 0 || !connection.open) mark_dirty(slot, connection);
}

void TlsEchoServer::mark_dirty(std::uint32_t slot, TlsEchoConnection& connection) {
  if (connection.dirty) return;
  connection.dirty = true;
  dirty_.push_back(slot);
}

void TlsEchoServer::end_batch() {
  ring_.return_buffers();
  for (const std::uint32_t slot : starved_) {
    ring_.arm_recv(static_cast<int>(slot), true, tag(Kind::kRecv, slot));
  }
  starved_.clear();
  for (const std::uint32_t slot : dirty_) {
    TlsEchoConnection& connection = connections_[slot];
    connection.dirty = false;
    if (connection.open) {
      send_owed(slot, connection);
    } else {
      close_when_idle(slot, connection);
    }
  }
  dirty_.clear();
  arm_accept();
}

// As many pongs as are owed go into one record, as the gateway does it.
void TlsEchoServer::send_owed(std::uint32_t slot, TlsEchoConnection& connection) {
  if (connection.sending || connection.owed_pongs == 0) return;
  const std::size_t pongs = std::min<std::size_t>(connection.owed_pongs, kTlsPongsPerRecord);
  connection.owed_pongs -= static_cast<std::uint32_t>(pongs);
  std::uint8_t* text = connection.record.data() + kTlsHeadBytes;
  for (std::size_t at = 0; at < pongs; ++at) text = std::ranges::copy(kTcpPong, text).out;
  const MutableBytes record =
      MutableBytes(connection.record).first(kTlsOverheadBytes + pongs * kTcpPong.size());
  if (!connection.records.out.seal(record)) return;
  connection.sending = true;
  io_uring_sqe* const send = ring_.sqe();
  io_uring_prep_send(send, static_cast<int>(slot), record.data(), record.size(),
                     MSG_WAITALL | MSG_NOSIGNAL);
  send->flags |= IOSQE_FIXED_FILE;
  io_uring_sqe_set_data64(send, tag(Kind::kSend, slot));
}

// A receive that is still armed ends with a shutdown, and comes back here; so does that.
void TlsEchoServer::close_when_idle(std::uint32_t slot, TlsEchoConnection& connection) {
  if (connection.sending || connection.shutting_down) return;
  if (connection.receiving) {
    if (connection.shut_down) return;
    connection.shut_down = true;
    connection.shutting_down = true;
    io_uring_sqe* const shutdown = ring_.sqe();
    io_uring_prep_shutdown(shutdown, static_cast<int>(slot), SHUT_RDWR);
    shutdown->flags |= IOSQE_FIXED_FILE;
    io_uring_sqe_set_data64(shutdown, tag(Kind::kShutdown, slot));
    return;
  }
  io_uring_sqe* const sqe = ring_.sqe();
  io_uring_prep_close_direct(sqe, slot);
  io_uring_sqe_set_data64(sqe, tag(Kind::kClose, slot));
}

}  // namespace ringgate::bench
