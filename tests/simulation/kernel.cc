// Sockets, descriptors and rings. Operations are in kernel_operations.cc and kernel_progress.cc.
#include "tests/simulation/kernel.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace ringgate::sim {
namespace {

Kernel* current_kernel = nullptr;
constexpr int kFdsOfProcess = 10'000;

}  // namespace

Kernel::Kernel(Scheduler& scheduler, const Faults& these)
    : faults(these), scheduler_(scheduler), random_(scheduler.random) {
  current_kernel = this;
}

Kernel::~Kernel() {
  current_kernel = nullptr;
}

Kernel* Kernel::current() noexcept {
  return current_kernel;
}

void Kernel::report(std::string_view what, std::uint64_t tag) {
  const OpTag parts = OpTag::unpack(tag);
  scheduler_.fail("kernel: " + std::string(what) + " (kind " +
                  std::to_string(static_cast<int>(parts.kind)) + ", slot " +
                  std::to_string(parts.slot) + ", generation " + std::to_string(parts.generation) +
                  ")");
}

// --- Processes ----------------------------------------------------------------------------------

std::uint32_t Kernel::add_process() {
  processes_.emplace_back();
  return static_cast<std::uint32_t>(processes_.size() - 1);
}

void Kernel::expect_ring(std::uint32_t process, std::uint32_t shard, int wake_fd) noexcept {
  expected_process_ = process;
  expected_shard_ = shard;
  expected_wake_fd_ = wake_fd;
}

void Kernel::listen(std::uint32_t process, std::uint16_t port, std::uint32_t number) {
  processes_[process].ports.emplace_back(port, number);
}

RingState& Kernel::create_ring(const RingOptions& options) {
  RingState& ring = rings_.emplace_back();
  ring.shard = expected_shard_;
  ring.process = expected_process_;
  ring.wake_fd = expected_wake_fd_;
  ring.direct.assign(options.direct_files, nullptr);
  const auto fill = [](ReceiveBuffers& group, unsigned count, unsigned bytes) {
    group.bytes = bytes;
    group.memory.assign(std::size_t{count} * bytes, 0xDD);
    group.states.assign(count, BufferState::kKernel);
    for (unsigned id = 0; id < count; ++id) group.free.push_back(static_cast<std::uint16_t>(id));
  };
  fill(ring.buffers[0], options.client_buffers, options.client_buffer_bytes);
  fill(ring.buffers[1], options.link_buffers, options.link_buffer_bytes);
  if (by_shard_.size() <= ring.shard) by_shard_.resize(ring.shard + 1);
  by_shard_[ring.shard] = &ring;
  return ring;
}

// Its operations and direct descriptors go with it.
void Kernel::drop_ring(RingState& ring) {
  ring.gone = true;
  for (std::uint32_t index = 0; index < operations_.size(); ++index) {
    Operation& operation = operations_[index];
    if (operation.ring != &ring) continue;
    if (Socket* const socket = operation.socket; socket != nullptr) {
      socket->read_op = socket->send_op = kNone;
      socket->in_flight = 0;
      forget_if_done(*socket);
    }
    complete(index);
  }
  for (std::size_t i = ring.ready_at; i < ring.ready.size(); ++i) {
    if (Socket* const socket = ring.ready[i].socket; socket != nullptr) {
      socket->in_flight = 0;
      forget_if_done(*socket);
    }
  }
  ring.ready.clear();
  ring.ready_at = 0;
  ring.submitted.clear();
  for (Socket* const socket : ring.direct) {
    if (socket != nullptr) close_end(*socket);
  }
  ring.direct.clear();
}

void Kernel::watch(int wake_fd, Actor actor, std::uint32_t index) {
  watches_.push_back({wake_fd, actor, index, false});
}

void Kernel::unwatch(int wake_fd) {
  std::erase_if(watches_, [wake_fd](const Watch& one) { return one.wake_fd == wake_fd; });
}

void Kernel::has_turn(Actor actor, std::uint32_t index) noexcept {
  for (Watch& one : watches_) {
    if (one.actor == actor && one.index == index) one.listed = false;
  }
}

bool Kernel::is_wake_fd(int fd) const noexcept {
  return std::ranges::any_of(
             rings_, [fd](const RingState& ring) { return ring.wake_fd == fd && !ring.gone; }) ||
         std::ranges::any_of(watches_, [fd](const Watch& one) { return one.wake_fd == fd; });
}

void Kernel::wake(int wake_fd) {
  const auto ring = std::ranges::find_if(
      rings_, [wake_fd](const RingState& one) { return one.wake_fd == wake_fd && !one.gone; });
  if (random_.one_in(faults.lost_wakeup)) {
    ++lost_wakeups_;
    return;
  }
  if (ring == rings_.end()) {
    const auto watch = std::ranges::find(watches_, wake_fd, &Watch::wake_fd);
    if (watch == watches_.end() || std::exchange(watch->listed, true)) return;
    scheduler_.ready(watch->actor, watch->index);
    return;
  }
  ring->wake_written = true;
  if (ring->wake_waits || ring->wake_op == kNone) return;
  const bool ends = random_.one_in(faults.wake_ends);
  ring->wake_waits = true;
  post(operations_[ring->wake_op], 1, !ends);
  if (ends) complete(std::exchange(ring->wake_op, kNone));
}

// --- Sockets ------------------------------------------------------------------------------------

Socket& Kernel::new_socket() {
  Socket* socket = nullptr;
  if (free_sockets_.empty()) {
    socket = &sockets_.emplace_back();
  } else {
    socket = free_sockets_.back();
    free_sockets_.pop_back();
    Pipe in = std::move(socket->in);  // keeps its memory
    in.clear();
    *socket = {};
    socket->in = std::move(in);
  }
  socket->window = random_.one_in(4) ? random_.between(1, 2000) : random_.between(2000, 100'000);
  return *socket;
}

void Kernel::forget_if_done(Socket& socket) {
  if (!socket.closed || socket.in_flight != 0 || socket.forgotten) return;
  socket.forgotten = true;
  if (socket.other != nullptr) socket.other->other = nullptr;
  socket.other = nullptr;
  free_sockets_.push_back(&socket);
}

int Kernel::open_fd(std::uint32_t process, Socket& socket) {
  std::vector<Socket*>& fds = processes_[process].fds;
  auto place = std::ranges::find(fds, nullptr);  // the lowest, as always
  if (place == fds.end()) place = fds.insert(fds.end(), nullptr);
  *place = &socket;
  const int fd =
      kFirstFd + static_cast<int>(process) * kFdsOfProcess + static_cast<int>(place - fds.begin());
  socket.process = process;
  socket.file = {fd, false};
  return fd;
}

Socket& Kernel::connect(std::uint32_t process, std::uint32_t listener, std::uint32_t client) {
  Socket& here = new_socket();
  Socket& there = new_socket();
  here.other = &there;
  there.other = &here;
  here.actor = Actor::kClient;
  here.index = client;
  there.process = process;
  there.client = client;
  Process& to = processes_[process];
  to.backlog.emplace_back(listener, &there);
  for (const std::uint32_t operation : to.accepts) list(operation);
  return here;
}

Socket& Kernel::dial_from(std::uint32_t process, int& fd, Actor actor, std::uint32_t index) {
  Socket& here = new_socket();
  Socket& there = new_socket();
  here.other = &there;
  there.other = &here;
  here.actor = actor;
  here.index = index;
  fd = open_fd(process, there);
  return here;
}

Socket& Kernel::dial(std::uint32_t from, std::uint32_t to, int& from_fd, int& to_fd) {
  Socket& one = new_socket();
  Socket& other = new_socket();
  one.other = &other;
  other.other = &one;
  from_fd = open_fd(from, one);
  to_fd = open_fd(to, other);
  return one;
}

void Kernel::end_process(std::uint32_t process) {
  for (const auto& [listener, socket] : std::exchange(processes_[process].backlog, {})) {
    socket->in.push(as_bytes("unread"));
    close_end(*socket);
  }
}

std::size_t Kernel::write(Socket& from, ByteView bytes) {
  Socket* const to = from.other;
  if (to == nullptr || to->closed) {
    if (!bytes.empty()) from.reset = true;
    return bytes.size();
  }
  const std::size_t room = to->window > to->in.size() ? to->window - to->in.size() : 0;
  const std::size_t most = std::min(room, bytes.size());
  if (most < bytes.size()) from.wants_room = true;
  if (most == 0) return 0;
  to->in.push(bytes.first(most));
  arrived(*to);
  return most;
}

void Kernel::write_first(Socket& from, ByteView bytes) {
  from.other->in.push(bytes);
  arrived(*from.other);
}

void Kernel::taken(Socket& at, std::size_t bytes) {
  if (bytes == 0) return;
  at.in.drop(bytes);
  if (at.other != nullptr) has_room(*at.other);
}

void Kernel::end(Socket& from) {
  from.shut_write = true;
  if (from.other == nullptr) return;
  from.other->in_ended = true;
  arrived(*from.other);
}

void Kernel::reset(Socket& from) {
  if (Socket* const to = from.other; to != nullptr && !to->closed) {
    to->reset = true;
    if (random_.one_in(2)) to->in.clear();
    arrived(*to);
    if (to->send_op != kNone) list(to->send_op);
  }
  from.closed = true;
  forget_if_done(from);
}

void Kernel::close(Socket& from) {
  if (!from.in.empty()) return reset(from);
  end(from);
  from.closed = true;
  forget_if_done(from);
}

// Of a shard, by whatever closes it. What has not been read resets the connection, and with that
// what the other end has not read may be lost.
void Kernel::close_end(Socket& socket) {
  if (socket.closed) return;
  socket.closed = true;
  if (socket.file.direct) {
    // its ring's table is the caller's
  } else if (socket.process != kNone && socket.file.fd >= kFirstFd) {
    processes_[socket.process]
        .fds[static_cast<std::size_t>((socket.file.fd - kFirstFd) % kFdsOfProcess)] = nullptr;
  }
  if (Socket* const to = socket.other; to != nullptr) {
    if (!socket.in.empty()) {
      to->reset = true;
      if (random_.one_in(2)) to->in.clear();
    }
    to->in_ended = true;
    arrived(*to);
    if (to->send_op != kNone) list(to->send_op);
    if (to->wants_room) has_room(*to);
  }
  forget_if_done(socket);
}

bool Kernel::close_fd(int fd) {
  const auto process = static_cast<std::size_t>((fd - kFirstFd) / kFdsOfProcess);
  const auto place = static_cast<std::size_t>((fd - kFirstFd) % kFdsOfProcess);
  if (process >= processes_.size() || place >= processes_[process].fds.size()) return false;
  Socket* const socket = processes_[process].fds[place];
  if (socket == nullptr) {
    report("a descriptor was closed that is not open", 0);
    return false;
  }
  close_end(*socket);
  return true;
}

Socket* Kernel::socket_of(RingState& ring, File file, std::uint64_t tag) {
  Socket* socket = nullptr;
  if (file.direct) {
    const auto index = static_cast<std::size_t>(file.fd);
    if (index < ring.direct.size()) socket = ring.direct[index];
  } else if (file.fd >= kFirstFd) {
    const auto place = static_cast<std::size_t>((file.fd - kFirstFd) % kFdsOfProcess);
    const std::vector<Socket*>& fds = processes_[ring.process].fds;
    if (place < fds.size()) socket = fds[place];
  }
  if (socket == nullptr || socket->closed) {
    report("an operation on a closed descriptor", tag);
    return nullptr;
  }
  const OpTag owner = OpTag::unpack(tag);
  if (!socket->owner) socket->owner = owner;
  if (socket->owner->slot != owner.slot || socket->owner->generation != owner.generation) {
    report("an operation of another connection on this descriptor", tag);
  }
  return socket;
}

// Whoever waits for what comes is told.
void Kernel::arrived(Socket& at) {
  if (at.index == kNone) {
    if (at.read_op != kNone) list(at.read_op);
  } else if (!at.told && !at.closed) {
    at.told = true;
    scheduler_.ready(at.actor, at.index);
  }
}

void Kernel::has_room(Socket& at) {
  if (at.index == kNone) {
    if (at.send_op != kNone) list(at.send_op);
  } else if (std::exchange(at.wants_room, false)) {
    arrived(at);
  }
}

// --- The account --------------------------------------------------------------------------------

std::size_t Kernel::open_sockets(std::uint32_t process) const {
  return static_cast<std::size_t>(std::ranges::count_if(sockets_, [process](const Socket& socket) {
    return socket.process == process && !socket.closed && socket.file.fd >= 0;
  }));
}

std::size_t Kernel::buffers_out(const RingState& ring) const {
  std::size_t out = 0;
  for (const ReceiveBuffers& group : ring.buffers) out += group.states.size() - group.free.size();
  return out;
}

std::size_t Kernel::backlog(std::uint32_t process) const {
  return processes_[process].backlog.size();
}

std::size_t Kernel::operations(const RingState& ring) const {
  return static_cast<std::size_t>(std::ranges::count_if(operations_, [&ring](const auto& one) {
    return one.ring == &ring && one.kind != OpKind::kAccept && one.kind != OpKind::kWake;
  }));
}

}  // namespace ringgate::sim
