// How operations come from the rings and their completions go back. What they do meanwhile is in
// kernel_progress.cc.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tests/simulation/kernel.h"

namespace ringgate::sim {
void Kernel::list_shard(RingState& ring) {
  if (ring.listed || ring.gone) return;
  ring.listed = true;
  scheduler_.ready(Actor::kShard, ring.shard);
}

void Kernel::list(std::uint32_t index) {
  Operation& operation = operations_[index];
  if (operation.listed) return;
  operation.listed = true;
  scheduler_.ready(Actor::kOperation, index);
}

// --- From the ring ------------------------------------------------------------------------------

Operation& Kernel::add(RingState& ring, OpKind kind, std::uint64_t tag) {
  std::uint32_t index = 0;
  if (free_operations_.empty()) {
    index = static_cast<std::uint32_t>(operations_.size());
    operations_.emplace_back();
  } else {
    index = free_operations_.back();
    free_operations_.pop_back();
  }
  Operation& operation = operations_[index];
  std::vector<iovec> pieces = std::move(operation.pieces);  // keeps its memory
  const bool listed = operation.listed;                     // from the one before
  pieces.clear();
  operation = {};
  operation.pieces = std::move(pieces);
  operation.listed = listed;
  operation.kind = kind;
  operation.tag = tag;
  operation.ring = &ring;
  ring.submitted.push_back(index);
  return operation;
}

void Kernel::use_socket(Operation& operation, Socket& socket) {
  operation.socket = &socket;
  if (operation.kind == OpKind::kClose && socket.in_flight != 0) {
    report("a close with operations in flight", operation.tag);
  }
  const bool reads = operation.kind == OpKind::kRecv || operation.kind == OpKind::kPoll;
  if (reads && std::exchange(socket.reading, true)) {
    report("two receives or polls armed on one socket", operation.tag);
  }
  if (operation.kind == OpKind::kSend && std::exchange(socket.sending, true)) {
    report("two sends in flight on one socket", operation.tag);
  }
  ++socket.in_flight;
}

// In the order of submission, as the kernel does it.
void Kernel::submit(RingState& ring) {
  for (std::size_t i = 0; i < ring.submitted.size(); ++i) issue(ring.submitted[i]);
  ring.submitted.clear();
}

void Kernel::issue(std::uint32_t index) {
  Operation& operation = operations_[index];
  Socket* const socket = operation.socket;
  operation.issued = true;
  switch (operation.kind) {
    case OpKind::kShutdown:
      issue_shutdown(operation);
      break;
    case OpKind::kClose:
      // The place in the direct table is free at once, whenever the completion is read.
      if (operation.socket->file.direct) {
        operation.ring->direct[static_cast<std::size_t>(socket->file.fd)] = nullptr;
      }
      close_end(*socket);
      break;
    case OpKind::kCancel:
      issue_cancel(operation);
      break;
    case OpKind::kRecv:
      operation.late = socket->reset && !socket->in.empty();
      [[fallthrough]];
    case OpKind::kPoll:
      socket->read_op = index;
      break;
    case OpKind::kSend:
      socket->send_op = index;
      break;
    case OpKind::kAccept:
      processes_[operation.ring->process].accepts.push_back(index);
      break;
    case OpKind::kWake:
      return arm_wake(index);
    case OpKind::kLook:
    case OpKind::kOption:  // never added: see ring.cc
      break;
  }
  list(index);
}

void Kernel::issue_shutdown(Operation& operation) {
  Socket& socket = *operation.socket;
  socket.shut_write = true;
  if (operation.how == SHUT_RDWR) {
    socket.shut_read = true;
    if (socket.read_op != kNone) list(socket.read_op);
  }
  if (socket.send_op != kNone) list(socket.send_op);
  if (Socket* const to = socket.other; to != nullptr) {
    to->in_ended = true;
    arrived(*to);
  }
}

// The target may have completed already, complete on its own after all, or be cancelled; and its
// completion comes before or after this one's.
void Kernel::issue_cancel(Operation& operation) {
  for (std::uint32_t index = 0; index < operations_.size(); ++index) {
    Operation& target = operations_[index];
    if (target.ring != operation.ring || target.tag != operation.target) continue;
    if (target.kind == OpKind::kRecv && random_.one_in(3)) {
      target.ending = true;
      operation.result = -EALREADY;
    } else {
      target.cancelled = true;
    }
    return list(index);
  }
  operation.result = -ENOENT;
}

// What was written before it was armed has not been read: nobody reads the descriptor.
void Kernel::arm_wake(std::uint32_t index) {
  RingState& ring = *operations_[index].ring;
  ring.wake_op = index;
  if (!ring.wake_written) return;
  ring.wake_waits = true;
  post(operations_[index], 1, true);
}

unsigned Kernel::reap(RingState& ring, std::span<Completion> out) {
  unsigned taken = 0;
  for (; taken < out.size() && ring.has_ready(); ++taken) {
    const RingState::Ready& ready = ring.ready[ring.ready_at++];
    out[taken] = ready.completion;
    const OpKind kind = OpTag::unpack(ready.completion.tag).kind;
    if (kind == OpKind::kWake) ring.wake_waits = false;
    if (Socket* const socket = ready.socket; socket != nullptr && !ready.completion.more) {
      if (kind == OpKind::kRecv || kind == OpKind::kPoll) socket->reading = false;
      if (kind == OpKind::kSend) socket->sending = false;
      --socket->in_flight;
      forget_if_done(*socket);
    }
  }
  if (!ring.has_ready()) {
    ring.ready.clear();
    ring.ready_at = 0;
  }
  return taken;
}

void Kernel::post(const Operation& operation, std::int32_t result, bool more,
                  std::optional<std::uint16_t> buffer) {
  RingState& ring = *operation.ring;
  ring.ready.push_back(
      {{operation.tag, result, more, buffer.has_value(), buffer.value_or(0)}, operation.socket});
  scheduler_.note(operation.tag ^ (std::uint64_t{static_cast<std::uint32_t>(result)} << 16U));
  list_shard(ring);
}

void Kernel::complete(std::uint32_t index) {
  Operation& operation = operations_[index];
  if (Socket* const socket = operation.socket; socket != nullptr) {
    if (socket->read_op == index) socket->read_op = kNone;
    if (socket->send_op == index) socket->send_op = kNone;
  }
  if (operation.kind == OpKind::kAccept) {
    --operation.ring->accepts;
    std::erase(processes_[operation.ring->process].accepts, index);
  }
  operation.ring = nullptr;
  operation.socket = nullptr;
  free_operations_.push_back(index);
}

// --- Receive buffers ----------------------------------------------------------------------------

MutableBytes Kernel::received(RingState& ring, BufferGroup group, const Completion& from) {
  ReceiveBuffers& buffers = ring.buffers[static_cast<std::size_t>(group)];
  if (buffers.states[from.buffer_id] != BufferState::kShard) {
    report("a look into a buffer that is not the shard's", from.tag);
  }
  return {buffers.at(from.buffer_id), static_cast<std::size_t>(from.result)};
}

void Kernel::recycle(RingState& ring, BufferGroup group, std::uint16_t id) {
  ReceiveBuffers& buffers = ring.buffers[static_cast<std::size_t>(group)];
  if (buffers.states[id] != BufferState::kShard) report("a buffer was recycled twice", 0);
  buffers.states[id] = BufferState::kRecycled;
  buffers.recycled.push_back(id);
}

void Kernel::publish_buffers(RingState& ring) {
  for (ReceiveBuffers& group : ring.buffers) {
    for (const std::uint16_t id : group.recycled) {
      group.states[id] = BufferState::kKernel;
      group.free.push_back(id);
      // Whoever still looks at it sees this.
      std::memset(group.at(id), 0xDD, std::min<std::size_t>(group.bytes, 64));
    }
    group.recycled.clear();
  }
}

std::optional<std::uint16_t> Kernel::take_buffer(ReceiveBuffers& buffers) {
  if (buffers.free.empty()) return {};
  std::uint16_t& chosen = buffers.free[random_.below(buffers.free.size())];
  const std::uint16_t id = chosen;
  chosen = buffers.free.back();
  buffers.free.pop_back();
  buffers.states[id] = BufferState::kShard;
  return id;
}

}  // namespace ringgate::sim
