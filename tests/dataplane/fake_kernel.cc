#include "tests/dataplane/fake_kernel.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "tests/dataplane/fake_kernel_private.h"

namespace ringgate::test {
namespace {

thread_local FakeKernel* current_kernel = nullptr;

}  // namespace

void report(const std::string& what, std::uint64_t tag) {
  const OpTag parts = OpTag::unpack(tag);
  ADD_FAILURE() << what << " (kind " << static_cast<int>(parts.kind) << ", slot " << parts.slot
                << ", generation " << parts.generation << ")";
}

std::uint16_t port_of(int listen_fd) {
  sockaddr_in address{};
  socklen_t bytes = sizeof address;
  if (getsockname(listen_fd, reinterpret_cast<sockaddr*>(&address), &bytes) != 0) return 0;
  return ntohs(address.sin_port);
}

FakeKernel::FakeKernel(std::uint64_t seed, const Faults& faults) : random_(seed), faults_(faults) {
  current_kernel = this;
}

FakeKernel::~FakeKernel() {
  if (current_kernel == this) current_kernel = nullptr;
}

void FakeKernel::begin_again(std::uint64_t seed, const Faults& faults) {
  current_kernel = this;
  random_ = Random(seed);
  faults_ = faults;
  for (const Op& op : pending_) {
    if (op.socket != nullptr) report("an operation is left of who has gone", op.tag);
  }
  sockets_.clear();
  peers_.clear();
}

FakeKernel& FakeKernel::current() {
  return *current_kernel;
}

std::uint64_t FakeKernel::now_ms() {
  return current_kernel->now_ms_;
}

FakePeer& FakeKernel::connect(std::uint16_t dialled) {
  peers_.push_back(std::make_unique<FakePeer>());
  peers_.back()->id = static_cast<std::uint32_t>(peers_.size());
  peers_.back()->dialled = dialled;
  backlog_.push_back(peers_.back().get());
  return *peers_.back();
}

int FakeKernel::connect_fd(FakePeer*& peer) {
  peer = &connect();
  backlog_.pop_back();
  const int fd = next_fd_++;
  open_socket(*peer, {fd, false});
  return fd;
}

FakeKernel::Socket& FakeKernel::open_socket(FakePeer& peer, File file) {
  sockets_.push_back(std::make_unique<Socket>());
  Socket& socket = *sockets_.back();
  socket.peer = &peer;
  socket.file = file;
  peer.accepted = true;
  if (file.direct) {
    direct_[static_cast<std::size_t>(file.fd)] = &socket;
  } else {
    fds_[file.fd] = &socket;
  }
  return socket;
}

std::size_t FakeKernel::buffers_out() const {
  std::size_t out = 0;
  for (const Buffers& group : buffers_) {
    for (const BufferState state : group.states) out += state == BufferState::kKernel ? 0 : 1;
  }
  return out;
}

std::size_t FakeKernel::open_sockets() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(sockets_, [](const auto& socket) { return !socket->closed; }));
}

std::size_t FakeKernel::armed(OpKind kind) const {
  const auto of_kind = [kind](const std::vector<Op>& ops) {
    return std::ranges::count_if(ops, [kind](const Op& op) { return op.kind == kind; });
  };
  return static_cast<std::size_t>(of_kind(submitted_) + of_kind(pending_));
}

std::size_t FakeKernel::armed_accepts() const {
  return armed(OpKind::kAccept);
}

std::size_t FakeKernel::armed_accepts(std::uint16_t port) const {
  const auto accepts = [port](const std::vector<Op>& ops) {
    return std::ranges::count_if(
        ops, [port](const Op& op) { return op.kind == OpKind::kAccept && op.port == port; });
  };
  return static_cast<std::size_t>(accepts(submitted_) + accepts(pending_));
}

void FakeKernel::create(const RingOptions& options) {
  direct_.assign(options.direct_files, nullptr);
  const auto fill = [](Buffers& group, unsigned count, unsigned bytes) {
    group.bytes = bytes;
    group.memory.assign(count, std::vector<std::uint8_t>(bytes));
    group.states.assign(count, BufferState::kKernel);
  };
  fill(buffers_[0], options.client_buffers, options.client_buffer_bytes);
  fill(buffers_[1], options.link_buffers, options.link_buffer_bytes);
}

FakeKernel::Socket* FakeKernel::socket_of(File file, std::uint64_t tag) {
  Socket* socket = nullptr;
  if (file.direct) {
    const auto index = static_cast<std::size_t>(file.fd);
    if (index < direct_.size()) socket = direct_[index];
  } else if (const auto found = fds_.find(file.fd); found != fds_.end()) {
    socket = found->second;
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

void FakeKernel::add(Op op) {
  ++added_[static_cast<std::size_t>(op.kind)];
  if (Socket* const socket = op.socket; socket != nullptr) {
    if (op.kind == OpKind::kClose && socket->in_flight != 0) {
      report("a close with operations in flight", op.tag);
    }
    const bool reads = op.kind == OpKind::kRecv || op.kind == OpKind::kPoll;
    if (reads && std::exchange(socket->reading, true)) {
      report("two receives or polls armed on one socket", op.tag);
    }
    if (op.kind == OpKind::kSend && std::exchange(socket->sending, true)) {
      report("two sends in flight on one socket", op.tag);
    }
    ++socket->in_flight;
  }
  if (op.kind == OpKind::kAccept) {
    op.port = port_of(op.listen_fd);
    if (op.port == 0) report("an accept on what does not listen", op.tag);
  }
  if (op.kind == OpKind::kAccept && op.direct) {
    const auto taken = std::ranges::count_if(direct_, [](Socket* s) { return s != nullptr; });
    if (static_cast<std::size_t>(taken) + armed_accepts() >= direct_.size()) {
      report("more accepts armed than the table has room for", op.tag);
    }
  }
  submitted_.push_back(std::move(op));
}

void FakeKernel::turn(unsigned timeout_ms) {
  issuing_.swap(submitted_);
  for (Op& op : issuing_) issue(std::move(op));
  issuing_.clear();
  order_.resize(pending_.size());
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  for (std::size_t i = order_.size(); i > 1; --i)
    std::swap(order_[i - 1], order_[random_.below(i)]);
  done_.assign(pending_.size(), false);
  for (const std::size_t i : order_) done_[i] = !happens(faults_.stall) && progress(pending_[i]);
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    if (!done_[i]) left_.push_back(std::move(pending_[i]));
  }
  pending_.swap(left_);
  left_.clear();
  now_ms_ += ready_.empty() ? timeout_ms : random_.below(2);
}

unsigned FakeKernel::reap(std::span<Completion> out) {
  unsigned taken = 0;
  for (; taken < out.size() && !ready_.empty(); ++taken) {
    const Ready& ready = ready_.front();
    out[taken] = ready.completion;
    if (Socket* const socket = ready.socket; socket != nullptr && !ready.completion.more) {
      --socket->in_flight;
      const OpKind kind = OpTag::unpack(ready.completion.tag).kind;
      if (kind == OpKind::kRecv || kind == OpKind::kPoll) socket->reading = false;
      if (kind == OpKind::kSend) socket->sending = false;
    }
    ready_.pop_front();
  }
  return taken;
}

MutableBytes FakeKernel::received(BufferGroup group, const Completion& completion) {
  Buffers& buffers = buffers_[static_cast<std::size_t>(group)];
  if (buffers.states[completion.buffer_id] != BufferState::kShard) {
    report("a look into a buffer that is not the shard's", completion.tag);
  }
  return MutableBytes(buffers.memory[completion.buffer_id])
      .first(static_cast<std::size_t>(completion.result));
}

void FakeKernel::recycle(BufferGroup group, std::uint16_t id) {
  BufferState& state = buffers_[static_cast<std::size_t>(group)].states[id];
  if (state != BufferState::kShard) report("a buffer was recycled twice", 0);
  state = BufferState::kRecycled;
}

void FakeKernel::publish_buffers() {
  for (Buffers& group : buffers_) {
    for (std::size_t id = 0; id < group.states.size(); ++id) {
      if (group.states[id] != BufferState::kRecycled) continue;
      group.states[id] = BufferState::kKernel;
      std::ranges::fill(group.memory[id], 0xDD);  // whoever still looks at it sees this
    }
  }
}

std::optional<std::uint16_t> FakeKernel::free_buffer(BufferGroup group) {
  const Buffers& buffers = buffers_[static_cast<std::size_t>(group)];
  const auto found = std::ranges::find(buffers.states, BufferState::kKernel);
  if (found == buffers.states.end()) return {};
  return static_cast<std::uint16_t>(found - buffers.states.begin());
}

void FakeKernel::post(const Op& op, std::int32_t result, bool more,
                      std::optional<std::uint16_t> buffer) {
  ready_.push_back({{op.tag, result, more, buffer.has_value(), buffer.value_or(0)}, op.socket});
}

}  // namespace ringgate::test
