// Class Ring over the kernel of the world.
#include "dataplane/ring.h"

#include <algorithm>

#include "tests/simulation/kernel.h"

namespace ringgate {
namespace {

using sim::Kernel;
using sim::Operation;
using sim::RingState;
using sim::Socket;

class SimulatedRing final : public Ring {
 public:
  SimulatedRing(Kernel& kernel, RingState& state) : kernel_(kernel), state_(state) {}
  ~SimulatedRing() override { kernel_.drop_ring(state_); }

  void accept_direct(int listen_fd, sockaddr_storage* address, socklen_t* address_bytes,
                     std::uint64_t tag) override {
    Operation& operation = kernel_.add(state_, OpKind::kAccept, tag);
    operation.fd = listen_fd;
    operation.address = address;
    operation.address_bytes = address_bytes;
    const auto taken = std::ranges::count_if(state_.direct, [](Socket* s) { return s != nullptr; });
    if (static_cast<std::size_t>(taken) + state_.accepts++ >= state_.direct.size()) {
      kernel_.report("more accepts armed than the table has room for", tag);
    }
  }
  void accept(int, sockaddr_storage*, socklen_t*, std::uint64_t tag) override {
    kernel_.report("an accept of links: the world hands them out", tag);
  }
  void recv_multishot(File file, BufferGroup group, std::uint64_t tag) override {
    receive(file, group, tag, true);
  }
  void recv(File file, BufferGroup group, std::uint64_t tag) override {
    receive(file, group, tag, false);
  }
  void poll(File file, std::uint64_t tag) override { add(OpKind::kPoll, file, tag); }
  void look(File file, std::uint64_t tag) override { add(OpKind::kLook, file, tag); }
  void send(File file, const std::uint8_t* data, std::size_t bytes, std::uint64_t tag) override {
    const iovec piece{const_cast<std::uint8_t*>(data), bytes};
    send_gather(file, {&piece, 1}, tag);
  }
  void send_gather(File file, std::span<const iovec> pieces, std::uint64_t tag) override {
    Operation* const operation = add(OpKind::kSend, file, tag);
    if (operation != nullptr) Kernel::send(*operation, pieces);
  }
  void shutdown(File file, int how, std::uint64_t tag) override {
    Operation* const operation = add(OpKind::kShutdown, file, tag);
    if (operation != nullptr) operation->how = how;
  }
  void close(File file, std::uint64_t tag) override { add(OpKind::kClose, file, tag); }
  // Nobody here takes as little at a time as it is for.
  void set_user_timeout(File, const std::uint32_t&, std::uint64_t) override {}
  void cancel(std::uint64_t target_tag, std::uint64_t tag) override {
    kernel_.add(state_, OpKind::kCancel, tag).target = target_tag;
  }
  void poll_multishot(int, std::uint64_t tag) override { kernel_.add(state_, OpKind::kWake, tag); }

  // Does not wait: a shard gets its turn when its wait would be over.
  void submit_and_wait(unsigned) override { kernel_.submit(state_); }
  [[nodiscard]] unsigned reap(std::span<Completion> out) override {
    return kernel_.reap(state_, out);
  }
  [[nodiscard]] MutableBytes received(BufferGroup group,
                                      const Completion& completion) const override {
    return kernel_.received(state_, group, completion);
  }
  void recycle(BufferGroup group, std::uint16_t buffer_id) override {
    kernel_.recycle(state_, group, buffer_id);
  }
  void publish_buffers() override { Kernel::publish_buffers(state_); }
  [[nodiscard]] std::size_t buffer_bytes() const noexcept override { return 0; }

 private:
  Operation* add(OpKind kind, File file, std::uint64_t tag) {
    Socket* const socket = kernel_.socket_of(state_, file, tag);
    if (socket == nullptr) return nullptr;
    Operation& operation = kernel_.add(state_, kind, tag);
    kernel_.use_socket(operation, *socket);
    return &operation;
  }
  void receive(File file, BufferGroup group, std::uint64_t tag, bool multishot) {
    Operation* const operation = add(OpKind::kRecv, file, tag);
    if (operation == nullptr) return;
    operation->group = group;
    operation->multishot = multishot;
  }

  Kernel& kernel_;
  RingState& state_;
};

}  // namespace

Result<std::unique_ptr<Ring>> Ring::create(const RingOptions& options) {
  Kernel& kernel = *Kernel::current();
  return std::make_unique<SimulatedRing>(kernel, kernel.create_ring(options));
}

}  // namespace ringgate
