// What the operations of rings do, one step of one of them at a time.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tests/simulation/kernel.h"

namespace ringgate::sim {
namespace {

// Enough to notice that bytes have changed.
std::uint64_t sum_of(const std::vector<iovec>& pieces) {
  std::uint64_t sum = 0;
  for (const iovec& piece : pieces) {
    const auto* bytes = static_cast<const std::uint8_t*>(piece.iov_base);
    std::size_t left = piece.iov_len;
    while (left > 0) {
      std::uint64_t word = 0;
      const std::size_t size = std::min(left, sizeof word);
      std::memcpy(&word, bytes, size);
      sum = (sum ^ word) * 0x9FB21C651E98DF25ULL;
      sum ^= sum >> 29U;
      bytes += size;
      left -= size;
    }
  }
  return sum;
}

std::uint16_t port_of(int listen_fd) {
  sockaddr_in address{};
  socklen_t bytes = sizeof address;
  if (getsockname(listen_fd, reinterpret_cast<sockaddr*>(&address), &bytes) != 0) return 0;
  return ntohs(address.sin_port);
}

}  // namespace

void Kernel::send(Operation& operation, std::span<const iovec> pieces) {
  operation.pieces.assign(pieces.begin(), pieces.end());
  for (const iovec& piece : pieces) operation.bytes += piece.iov_len;
  operation.sum = sum_of(operation.pieces);
}

void Kernel::progress(std::uint32_t index) {
  Operation& operation = operations_[index];
  operation.listed = false;
  if (operation.ring == nullptr || !operation.issued) return;
  if (random_.one_in(faults.stall)) {
    constexpr std::uint64_t kLongNs = 2000 * kMs;
    const std::uint64_t most = random_.one_in(200) ? kLongNs : 3 * kMs;
    operation.listed = true;
    scheduler_.after(random_.below(most), Actor::kOperation, index);
    return;
  }
  if (go_on(operation)) complete(index);
}

bool Kernel::go_on(Operation& operation) {
  switch (operation.kind) {
    case OpKind::kAccept:
      return accept(operation);
    case OpKind::kRecv:
      return receive(operation);
    case OpKind::kPoll:
      return poll(operation);
    case OpKind::kLook:
      look(operation);
      return true;
    case OpKind::kSend:
      return send_on(operation);
    case OpKind::kWake:
      return false;
    case OpKind::kShutdown:
    case OpKind::kClose:
    case OpKind::kCancel:
    case OpKind::kOption:
      break;
  }
  post(operation, operation.result);
  return true;
}

std::uint32_t Kernel::listener_of(const Operation& operation) {
  const std::uint16_t port = port_of(operation.fd);
  for (const auto& [one, number] : processes_[operation.ring->process].ports) {
    if (one == port) return number;
  }
  report("an accept on what does not listen", operation.tag);
  return kNone;
}

bool Kernel::accept(Operation& operation) {
  if (operation.cancelled) {
    post(operation, -ECANCELED);
    return true;
  }
  auto& backlog = processes_[operation.ring->process].backlog;
  if (backlog.empty()) return false;
  const std::uint32_t listener = listener_of(operation);
  const auto next = std::ranges::find(backlog, listener, [](const auto& one) { return one.first; });
  if (next == backlog.end()) return false;
  if (random_.one_in(faults.accept_fails)) {
    post(operation, -ECONNABORTED);
    return true;
  }
  if (random_.one_in(faults.accept_short)) {
    constexpr std::array kShort = {EMFILE, ENFILE, ENOBUFS, ENOMEM};
    post(operation, -kShort[random_.below(kShort.size())]);
    return true;
  }
  std::vector<Socket*>& direct = operation.ring->direct;
  const std::size_t from = random_.below(direct.size());
  std::size_t place = 0;
  while (place < direct.size() && direct[(from + place) % direct.size()] != nullptr) ++place;
  if (place == direct.size()) {
    report("an accept found the table full: the peer is lost", operation.tag);
    return false;
  }
  place = (from + place) % direct.size();
  Socket& socket = *next->second;
  backlog.erase(next);
  direct[place] = &socket;
  socket.file = {static_cast<int>(place), true};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(0x0A000000U + (socket.client >> 15U));
  address.sin_port = htons(static_cast<std::uint16_t>(1024 + (socket.client & 0x7FFFU)));
  std::memcpy(operation.address, &address, sizeof address);
  *operation.address_bytes = sizeof address;
  post(operation, static_cast<std::int32_t>(place));
  return true;
}

bool Kernel::receive(Operation& operation) {
  Socket& socket = *operation.socket;
  // NOLINTBEGIN(bugprone-branch-clone): what is looked at first is the kernel's choice
  if (operation.cancelled) {
    post(operation, -ECANCELED);
  } else if (!socket.in.empty()) {
    return take_data(operation);
  } else if (socket.reset && !operation.deaf) {
    post(operation, -ECONNRESET);
  } else if (!socket.reset && (socket.in_ended || socket.shut_read)) {
    post(operation, 0);
  } else if (socket.shut_read) {
    post(operation, 0);
  } else if (operation.ending) {
    post(operation, -ECANCELED);
  } else {
    return false;
  }
  // NOLINTEND(bugprone-branch-clone)
  return true;
}

// Perhaps several completions in one turn.
bool Kernel::take_data(Operation& operation) {
  Socket& socket = *operation.socket;
  ReceiveBuffers& buffers = operation.ring->buffers[static_cast<std::size_t>(operation.group)];
  do {
    if (random_.one_in(faults.no_buffers)) {
      post(operation, -ENOBUFS);
      return true;
    }
    const std::optional<std::uint16_t> buffer = take_buffer(buffers);
    if (!buffer) {
      post(operation, -ENOBUFS);
      return true;
    }
    const std::size_t most = std::min(socket.in.size(), buffers.bytes);
    const std::size_t bytes = random_.one_in(4) ? random_.between(1, most) : most;
    std::memcpy(buffers.at(*buffer), socket.in.view().data(), bytes);
    const bool ends = !operation.multishot || operation.ending || random_.one_in(faults.recv_ends);
    post(operation, static_cast<std::int32_t>(bytes), !ends, buffer);
    taken(socket, bytes);
    if (ends) return true;
  } while (!socket.in.empty() && random_.one_in(3));
  operation.deaf = operation.late && socket.in.empty();
  const bool goes_on = !socket.in.empty() || socket.in_ended || socket.shut_read || socket.reset;
  if (goes_on) arrived(socket);
  return false;
}

void Kernel::look(Operation& operation) {
  const Socket& socket = *operation.socket;
  if (!socket.in.empty()) {
    post(operation, 1);
  } else if (socket.reset) {
    post(operation, -ECONNRESET);
  } else {
    post(operation, socket.in_ended || socket.shut_read ? 0 : -EAGAIN);
  }
}

bool Kernel::poll(Operation& operation) {
  const Socket& socket = *operation.socket;
  std::int32_t events = 0;
  if (!socket.in.empty()) events |= POLLIN;
  if (socket.in_ended || socket.shut_read) events |= POLLIN | POLLRDHUP;
  if (socket.shut_read && socket.shut_write) events |= POLLHUP;
  if (socket.reset) events |= POLLIN | POLLRDHUP | POLLHUP | POLLERR;
  if (operation.cancelled) {
    post(operation, -ECANCELED);
  } else if (random_.one_in(faults.poll_fails)) {
    post(operation, -ENOMEM);
  } else if (events != 0) {
    post(operation, events);
  } else if (random_.one_in(faults.poll_lies)) {
    post(operation, POLLIN);
  } else {
    return false;
  }
  return true;
}

bool Kernel::send_on(Operation& operation) {
  Socket& socket = *operation.socket;
  // As the kernel looks at the shard's own memory: with the address sanitizer, memory that went
  // back to the pool is noticed, and without it memory that was changed.
  if (sum_of(operation.pieces) != operation.sum) {
    report("bytes changed while their send was in flight", operation.tag);
  }
  const auto sent_or = [&operation](int error) {
    return operation.sent > 0 ? static_cast<std::int32_t>(operation.sent) : -error;
  };
  const std::uint32_t breaks = socket.file.direct ? faults.broken_client : faults.broken_link;
  if (socket.other != nullptr && random_.one_in(breaks)) {
    Socket& to = *socket.other;
    to.reset = socket.reset = true;
    to.in_ended = true;
    arrived(to);
    if (to.send_op != kNone) list(to.send_op);
    if (socket.read_op != kNone) list(socket.read_op);
  }
  if (operation.cancelled) {
    post(operation, sent_or(ECANCELED));
  } else if (socket.reset) {
    post(operation, sent_or(ECONNRESET));
  } else if (socket.shut_write) {
    post(operation, sent_or(EPIPE));
  } else if (socket.other == nullptr || socket.other->closed) {
    socket.reset = true;
    arrived(socket);
    post(operation, sent_or(EPIPE));
  } else {
    const Socket& to = *socket.other;
    const std::size_t room = to.window > to.in.size() ? to.window - to.in.size() : 0;
    std::size_t bytes = std::min(operation.bytes - operation.sent, room);
    if (bytes > 1 && random_.one_in(8)) bytes = random_.between(1, bytes);
    deliver(operation, bytes);
    operation.sent += bytes;
    const bool stopped = operation.sent > 0 && random_.one_in(faults.short_send);
    if (operation.sent < operation.bytes && !stopped) {
      if (bytes > 0 && to.window > to.in.size()) list(socket.send_op);
      return false;
    }
    post(operation, static_cast<std::int32_t>(operation.sent));
  }
  return true;
}

void Kernel::deliver(const Operation& operation, std::size_t bytes) {
  if (bytes == 0) return;
  Socket& to = *operation.socket->other;
  std::size_t skip = operation.sent;
  for (const iovec& piece : operation.pieces) {
    if (skip >= piece.iov_len) {
      skip -= piece.iov_len;
      continue;
    }
    const std::size_t size = std::min(piece.iov_len - skip, bytes);
    to.in.push({static_cast<const std::uint8_t*>(piece.iov_base) + skip, size});
    bytes -= size;
    skip = 0;
    if (bytes == 0) break;
  }
  arrived(to);
}

}  // namespace ringgate::sim
