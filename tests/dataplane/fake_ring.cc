// Class Ring over the fake kernel of the thread.
#include <utility>

#include "dataplane/ring.h"
#include "tests/dataplane/fake_kernel.h"
#include "tests/dataplane/fake_kernel_private.h"

namespace ringgate {

using test::FakeKernel;
using Op = FakeKernel::Op;

namespace {

struct State {
  FakeKernel& kernel = FakeKernel::current();
};

class FakeRing final : public Ring {
 public:
  explicit FakeRing(std::unique_ptr<State> state) : state_(std::move(state)) {}

  void accept_direct(int listen_fd, sockaddr_storage* address, socklen_t* address_bytes,
                     std::uint64_t tag) override;
  void accept(int listen_fd, sockaddr_storage* address, socklen_t* address_bytes,
              std::uint64_t tag) override;
  void recv_multishot(File file, BufferGroup group, std::uint64_t tag) override;
  void recv(File file, BufferGroup group, std::uint64_t tag) override;
  void poll(File file, std::uint64_t tag) override;
  void look(File file, std::uint64_t tag) override;
  void send(File file, const std::uint8_t* data, std::size_t bytes, std::uint64_t tag) override;
  void send_gather(File file, std::span<const iovec> pieces, std::uint64_t tag) override;
  void shutdown(File file, int how, std::uint64_t tag) override;
  void close(File file, std::uint64_t tag) override;
  void set_user_timeout(File file, const std::uint32_t& milliseconds, std::uint64_t tag) override;
  void cancel(std::uint64_t target_tag, std::uint64_t tag) override;
  void poll_multishot(int fd, std::uint64_t tag) override;
  void submit_and_wait(unsigned timeout_ms) override;
  [[nodiscard]] unsigned reap(std::span<Completion> out) override;
  [[nodiscard]] MutableBytes received(BufferGroup group,
                                      const Completion& completion) const override;
  void recycle(BufferGroup group, std::uint16_t buffer_id) override;
  void publish_buffers() override;
  [[nodiscard]] std::size_t buffer_bytes() const noexcept override { return 0; }

 private:
  std::unique_ptr<State> state_;
};

}  // namespace

Result<std::unique_ptr<Ring>> Ring::create(const RingOptions& options) {
  auto state = std::make_unique<State>();
  state->kernel.create(options);
  return std::unique_ptr<Ring>(new FakeRing(std::move(state)));
}

namespace {

Op accept_op(int listen_fd, sockaddr_storage* address, socklen_t* address_bytes, std::uint64_t tag,
             bool direct) {
  Op op;
  op.kind = OpKind::kAccept;
  op.listen_fd = listen_fd;
  op.tag = tag;
  op.address = address;
  op.address_bytes = address_bytes;
  op.direct = direct;
  return op;
}

Op socket_op(FakeKernel& kernel, OpKind kind, File file, std::uint64_t tag) {
  Op op;
  op.kind = kind;
  op.tag = tag;
  op.socket = kernel.socket_of(file, tag);
  return op;
}

}  // namespace

void FakeRing::accept_direct(int listen_fd, sockaddr_storage* address, socklen_t* address_bytes,
                             std::uint64_t tag) {
  state_->kernel.add(accept_op(listen_fd, address, address_bytes, tag, true));
}

void FakeRing::accept(int listen_fd, sockaddr_storage* address, socklen_t* address_bytes,
                      std::uint64_t tag) {
  state_->kernel.add(accept_op(listen_fd, address, address_bytes, tag, false));
}

void FakeRing::recv_multishot(File file, BufferGroup group, std::uint64_t tag) {
  Op op = socket_op(state_->kernel, OpKind::kRecv, file, tag);
  op.group = group;
  op.multishot = true;
  if (op.socket != nullptr) state_->kernel.add(std::move(op));
}

void FakeRing::recv(File file, BufferGroup group, std::uint64_t tag) {
  Op op = socket_op(state_->kernel, OpKind::kRecv, file, tag);
  op.group = group;
  if (op.socket != nullptr) state_->kernel.add(std::move(op));
}

void FakeRing::poll(File file, std::uint64_t tag) {
  Op op = socket_op(state_->kernel, OpKind::kPoll, file, tag);
  if (op.socket != nullptr) state_->kernel.add(std::move(op));
}

void FakeRing::look(File file, std::uint64_t tag) {
  Op op = socket_op(state_->kernel, OpKind::kLook, file, tag);
  if (op.socket != nullptr) state_->kernel.add(std::move(op));
}

void FakeRing::send(File file, const std::uint8_t* data, std::size_t bytes, std::uint64_t tag) {
  const iovec piece{const_cast<std::uint8_t*>(data), bytes};
  send_gather(file, {&piece, 1}, tag);
}

void FakeRing::send_gather(File file, std::span<const iovec> pieces, std::uint64_t tag) {
  Op op = socket_op(state_->kernel, OpKind::kSend, file, tag);
  op.pieces.assign(pieces.begin(), pieces.end());
  for (const iovec& piece : pieces) {
    const auto* from = static_cast<const std::uint8_t*>(piece.iov_base);
    op.copy.insert(op.copy.end(), from, from + piece.iov_len);
  }
  if (op.socket != nullptr) state_->kernel.add(std::move(op));
}

void FakeRing::shutdown(File file, int how, std::uint64_t tag) {
  Op op = socket_op(state_->kernel, OpKind::kShutdown, file, tag);
  op.how = how;
  state_->kernel.add(std::move(op));
}

void FakeRing::close(File file, std::uint64_t tag) {
  state_->kernel.add(socket_op(state_->kernel, OpKind::kClose, file, tag));
}

void FakeRing::set_user_timeout(File file, const std::uint32_t& milliseconds, std::uint64_t tag) {
  FakeKernel::Socket* const socket = state_->kernel.socket_of(file, tag);
  if (socket != nullptr) socket->peer->user_timeout_ms = milliseconds;
}

void FakeRing::cancel(std::uint64_t target_tag, std::uint64_t tag) {
  Op op;
  op.kind = OpKind::kCancel;
  op.tag = tag;
  op.target = target_tag;
  state_->kernel.add(std::move(op));
}

void FakeRing::poll_multishot(int, std::uint64_t tag) {
  Op op;
  op.kind = OpKind::kWake;
  op.tag = tag;
  state_->kernel.add(std::move(op));
}

void FakeRing::submit_and_wait(unsigned timeout_ms) {
  state_->kernel.turn(timeout_ms);
}

unsigned FakeRing::reap(std::span<Completion> out) {
  return state_->kernel.reap(out);
}

MutableBytes FakeRing::received(BufferGroup group, const Completion& completion) const {
  return state_->kernel.received(group, completion);
}

void FakeRing::recycle(BufferGroup group, std::uint16_t buffer_id) {
  state_->kernel.recycle(group, buffer_id);
}

void FakeRing::publish_buffers() {
  state_->kernel.publish_buffers();
}

}  // namespace ringgate
