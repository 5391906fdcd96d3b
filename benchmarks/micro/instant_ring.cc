#include "benchmarks/micro/instant_ring.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "dataplane/ring.h"

namespace ringgate {
namespace {

std::vector<std::uint8_t> turn_input;
std::uint64_t all_bytes_sent = 0;

}  // namespace

namespace bench {

void bring(ByteView bytes) {
  turn_input.assign(bytes.begin(), bytes.end());
}

std::uint64_t bytes_sent() noexcept {
  return all_bytes_sent;
}

}  // namespace bench

namespace {

struct State {
  using Buffer = std::array<std::uint8_t, bench::kInstantBufferBytes>;
  std::vector<Buffer> buffers;          // one for each receive, once there is something to receive
  std::vector<std::uint64_t> receives;  // tags of those armed
  std::vector<Completion> ready;
  std::size_t taken = 0;
  std::int32_t next_place = 0;

  void complete(std::uint64_t tag, std::int32_t result) {
    ready.push_back({.tag = tag, .result = result});
  }
};

class InstantRing final : public Ring {
 public:
  explicit InstantRing(std::unique_ptr<State> state) : state_(std::move(state)) {}

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
  void set_user_timeout(File, const std::uint32_t&, std::uint64_t) override {}
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

Result<std::unique_ptr<Ring>> Ring::create(const RingOptions& /*options*/) {
  return std::unique_ptr<Ring>(new InstantRing(std::make_unique<State>()));
}

void InstantRing::accept_direct(int /*listen_fd*/, sockaddr_storage* address,
                                socklen_t* address_bytes, std::uint64_t tag) {
  address->ss_family = AF_INET;
  *address_bytes = sizeof(sockaddr_in);
  state_->ready.push_back({.tag = tag, .result = state_->next_place++});
}

void InstantRing::accept(int, sockaddr_storage*, socklen_t*, std::uint64_t) {}

void InstantRing::recv_multishot(File /*file*/, BufferGroup /*group*/, std::uint64_t tag) {
  state_->receives.push_back(tag);
}

// Silence: what is polled never has anything to read.
void InstantRing::recv(File, BufferGroup, std::uint64_t) {}
void InstantRing::poll(File, std::uint64_t) {}

void InstantRing::send(File /*file*/, const std::uint8_t* /*data*/, std::size_t bytes,
                       std::uint64_t tag) {
  all_bytes_sent += bytes;
  state_->complete(tag, static_cast<std::int32_t>(bytes));
}

void InstantRing::send_gather(File /*file*/, std::span<const iovec> pieces, std::uint64_t tag) {
  std::size_t bytes = 0;
  for (const iovec& piece : pieces) bytes += piece.iov_len;
  all_bytes_sent += bytes;
  state_->complete(tag, static_cast<std::int32_t>(bytes));
}

void InstantRing::shutdown(File, int, std::uint64_t tag) {
  state_->complete(tag, 0);
}
void InstantRing::close(File, std::uint64_t tag) {
  state_->complete(tag, 0);
}
void InstantRing::cancel(std::uint64_t, std::uint64_t tag) {
  state_->complete(tag, 0);
}
void InstantRing::look(File, std::uint64_t tag) {
  state_->complete(tag, -EAGAIN);
}
void InstantRing::poll_multishot(int, std::uint64_t) {}

void InstantRing::submit_and_wait(unsigned /*timeout_ms*/) {
  if (turn_input.empty()) return;
  state_->buffers.resize(state_->receives.size());
  for (std::size_t i = 0; i < state_->receives.size(); ++i) {
    std::memcpy(state_->buffers[i].data(), turn_input.data(), turn_input.size());
    state_->ready.push_back({.tag = state_->receives[i],
                             .result = static_cast<std::int32_t>(turn_input.size()),
                             .more = true,
                             .has_buffer = true,
                             .buffer_id = static_cast<std::uint16_t>(i)});
  }
}

unsigned InstantRing::reap(std::span<Completion> out) {
  const std::size_t count = std::min(out.size(), state_->ready.size() - state_->taken);
  std::copy_n(state_->ready.begin() + static_cast<std::ptrdiff_t>(state_->taken), count,
              out.begin());
  state_->taken += count;
  if (state_->taken == state_->ready.size()) {
    state_->ready.clear();
    state_->taken = 0;
  }
  return static_cast<unsigned>(count);
}

MutableBytes InstantRing::received(BufferGroup /*group*/, const Completion& completion) const {
  return {state_->buffers[completion.buffer_id].data(),
          static_cast<std::size_t>(completion.result)};
}

void InstantRing::recycle(BufferGroup /*group*/, std::uint16_t /*buffer_id*/) {}
void InstantRing::publish_buffers() {}

}  // namespace ringgate
