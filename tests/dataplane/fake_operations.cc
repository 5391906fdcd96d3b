// What becomes of the operations of the fake kernel.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "tests/dataplane/fake_kernel_private.h"

namespace ringgate::test {

// In the order of submission, as the kernel does it.
void FakeKernel::issue(Op op) {
  switch (op.kind) {
    case OpKind::kShutdown:
      issue_shutdown(op);
      break;
    case OpKind::kClose:
      issue_close(op);
      break;
    case OpKind::kCancel:
      issue_cancel(op);
      break;
    default:
      break;
  }
  pending_.push_back(std::move(op));
}

void FakeKernel::issue_shutdown(const Op& op) {
  if (op.socket == nullptr) return;
  op.socket->shut_write = true;
  op.socket->peer->saw_end = true;
  if (op.how == SHUT_RDWR) op.socket->shut_read = true;
}

// The place in the direct table is free at once, whenever the completion is read.
void FakeKernel::issue_close(const Op& op) {
  if (op.socket == nullptr) return;
  Socket& socket = *op.socket;
  socket.closed = true;
  socket.peer->saw_end = true;
  socket.peer->closed = true;
  if (socket.file.direct) {
    direct_[static_cast<std::size_t>(socket.file.fd)] = nullptr;
  } else {
    fds_.erase(socket.file.fd);
  }
}

// The target may have completed already, complete on its own after all, or be cancelled; and its
// completion comes before or after this one's.
void FakeKernel::issue_cancel(Op& op) {
  const auto target = std::ranges::find_if(pending_, [&](const Op& other) {
    return other.tag == op.target && other.kind == OpTag::unpack(op.target).kind;
  });
  if (target == pending_.end()) {
    op.result = -ENOENT;
  } else if (target->kind == OpKind::kRecv && random_.one_in(3)) {
    target->ending = true;
    op.result = -EALREADY;
  } else {
    target->cancelled = true;
  }
}

bool FakeKernel::progress(Op& op) {
  switch (op.kind) {
    case OpKind::kAccept:
      return progress_accept(op);
    case OpKind::kRecv:
      return progress_recv(op);
    case OpKind::kPoll:
      return progress_poll(op);
    case OpKind::kLook:
      return progress_look(op);
    case OpKind::kSend:
      return progress_send(op);
    case OpKind::kWake:
      return false;
    default:
      post(op, op.result);
      return true;
  }
}

bool FakeKernel::progress_accept(Op& op) {
  if (op.cancelled) {
    post(op, -ECANCELED);
    return true;
  }
  const auto next = std::ranges::find_if(backlog_, [&op](const FakePeer* peer) {
    return peer->dialled == 0 || peer->dialled == op.port;
  });
  if (next == backlog_.end()) return false;
  if (port_of(op.listen_fd) != op.port) report("a listener was closed under its accept", op.tag);
  if (happens(faults_.accept_fails)) {
    post(op, -ECONNABORTED);
    return true;
  }
  if (happens(faults_.accept_short)) {
    constexpr std::array kShort = {EMFILE, ENFILE, ENOBUFS, ENOMEM};
    post(op, -kShort[random_.below(kShort.size())]);
    return true;
  }
  File file{next_fd_, false};
  if (op.direct) {
    std::vector<int> free;
    for (std::size_t i = 0; i < direct_.size(); ++i) {
      if (direct_[i] == nullptr) free.push_back(static_cast<int>(i));
    }
    if (free.empty()) {
      report("an accept found the table full: the peer is lost", op.tag);
      return false;
    }
    file = {free[random_.below(free.size())], true};
  } else {
    ++next_fd_;
  }
  FakePeer& peer = **next;
  backlog_.erase(next);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(peer.ip);
  address.sin_port = htons(static_cast<std::uint16_t>(peer.id));
  std::memcpy(op.address, &address, sizeof address);
  *op.address_bytes = sizeof address;
  open_socket(peer, file);
  post(op, file.fd);
  return true;
}

bool FakeKernel::progress_recv(Op& op) {
  FakePeer& peer = *op.socket->peer;
  if (peer.receive_waits && !op.cancelled) return false;
  // NOLINTBEGIN(bugprone-branch-clone): what is looked at first is the kernel's choice
  if (op.cancelled) {
    post(op, -ECANCELED);
  } else if (peer.reset) {
    post(op, -ECONNRESET);
  } else if (!peer.inbound.empty()) {
    return take_data(op);
  } else if (peer.reset_behind && !op.deaf) {
    post(op, -ECONNRESET);
  } else if (peer.ended || op.socket->shut_read) {
    post(op, 0);
  } else if (op.ending) {
    post(op, -ECANCELED);
  } else {
    return false;
  }
  // NOLINTEND(bugprone-branch-clone)
  return true;
}

bool FakeKernel::progress_look(const Op& op) {
  const FakePeer& peer = *op.socket->peer;
  if (peer.reset || (peer.inbound.empty() && peer.reset_behind)) {
    post(op, -ECONNRESET);
  } else if (!peer.inbound.empty()) {
    post(op, 1);
  } else {
    post(op, peer.ended || op.socket->shut_read ? 0 : -EAGAIN);
  }
  return true;
}

bool FakeKernel::progress_poll(Op& op) {
  const FakePeer& peer = *op.socket->peer;
  std::int32_t events = 0;
  if (!peer.inbound.empty()) events |= POLLIN;
  if (peer.ended || op.socket->shut_read) events |= POLLIN | POLLRDHUP;
  if (op.socket->shut_read && op.socket->shut_write) events |= POLLHUP;
  if (peer.reset || peer.reset_behind) events |= POLLIN | POLLRDHUP | POLLHUP | POLLERR;
  if (op.cancelled) {
    post(op, -ECANCELED);
  } else if (happens(faults_.poll_fails)) {
    post(op, -ENOMEM);
  } else if (events != 0) {
    post(op, events);
  } else if (happens(faults_.poll_lies)) {
    post(op, POLLIN);
  } else {
    return false;
  }
  return true;
}

// Perhaps several completions in one turn.
bool FakeKernel::take_data(Op& op) {
  std::deque<std::uint8_t>& inbound = op.socket->peer->inbound;
  do {
    const std::optional<std::uint16_t> buffer = free_buffer(op.group);
    if (!buffer || happens(faults_.no_buffers)) {
      post(op, -ENOBUFS);
      return true;
    }
    Buffers& group = buffers_[static_cast<std::size_t>(op.group)];
    const std::size_t most = std::min(inbound.size(), group.bytes);
    const bool whole = receives_whole_ || random_.one_in(2);
    const std::size_t bytes = whole ? most : random_.between(1, most);
    const auto end = inbound.begin() + static_cast<std::ptrdiff_t>(bytes);
    std::copy(inbound.begin(), end, group.memory[*buffer].begin());
    inbound.erase(inbound.begin(), end);
    group.states[*buffer] = BufferState::kShard;
    const bool ends = !op.multishot || op.ending || happens(faults_.recv_ends);
    post(op, static_cast<std::int32_t>(bytes), !ends, buffer);
    if (ends) return true;
  } while (!inbound.empty() && random_.one_in(3));
  op.deaf = inbound.empty() && op.socket->peer->reset_behind;
  return false;
}

bool FakeKernel::progress_send(Op& op) {
  Socket& socket = *op.socket;
  FakePeer& peer = *socket.peer;
  check_pieces(op);
  const auto sent_or = [&op](int error) {
    return op.sent > 0 ? static_cast<std::int32_t>(op.sent) : -error;
  };
  if (op.cancelled) {
    post(op, sent_or(ECANCELED));
  } else if (peer.reset || peer.reset_behind) {
    post(op, sent_or(ECONNRESET));
  } else if (socket.shut_write) {
    post(op, sent_or(EPIPE));
  } else if (happens(faults_.broken_send)) {
    peer.broken = true;
    post(op, sent_or(random_.one_in(2) ? EPIPE : ECONNRESET));
  } else {
    const std::size_t left = op.copy.size() - op.sent;
    std::size_t bytes = std::min(left, peer.window);
    if (bytes > 0 && random_.one_in(4)) bytes = random_.between(1, bytes);
    deliver(op, bytes);
    op.sent += bytes;
    const bool stopped = op.sent > 0 && happens(faults_.short_send);
    if (op.sent < op.copy.size() && !stopped) return false;
    post(op, static_cast<std::int32_t>(op.sent));
  }
  return true;
}

// Looks at the shard's own memory, as the kernel would: with the address sanitizer, memory that
// went back to the pool is noticed, and without it memory that was changed.
void FakeKernel::check_pieces(const Op& op) const {
  std::size_t at = 0;
  for (const iovec& piece : op.pieces) {
    if (piece.iov_len != 0 &&
        std::memcmp(piece.iov_base, op.copy.data() + at, piece.iov_len) != 0) {
      report("bytes changed while their send was in flight", op.tag);
    }
    at += piece.iov_len;
  }
}

void FakeKernel::deliver(const Op& op, std::size_t bytes) {
  FakePeer& peer = *op.socket->peer;
  const auto from = op.copy.begin() + static_cast<std::ptrdiff_t>(op.sent);
  peer.received.insert(peer.received.end(), from, from + static_cast<std::ptrdiff_t>(bytes));
  if (peer.window != SIZE_MAX) peer.window -= bytes;
}

}  // namespace ringgate::test
