// A ring over epoll, for where io_uring is forbidden: by the default profile of container engines,
// or by a sysctl. The shard above notices nothing but the cost.
//
// An operation is tried at once, where it is called, and its completion waits for reap(). What
// cannot be done yet waits for the socket, which is watched by edges (epoll(7)): registered once,
// it is read or written until the kernel says EAGAIN, or gives less than was asked for.
//
// Direct descriptors are places of a table of ours; the descriptors in it are the process's.
// For ring.cc only; of one thread, as every ring.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "dataplane/ring.h"

namespace ringgate {

// Receive buffers of one group, by number.
class BufferStack {
 public:
  BufferStack(unsigned count, unsigned buffer_bytes);

  [[nodiscard]] bool empty() const noexcept { return free_.empty(); }
  [[nodiscard]] std::uint16_t top() const noexcept { return free_.back(); }
  void pop() noexcept { free_.pop_back(); }
  void push(std::uint16_t id) { free_.push_back(id); }
  [[nodiscard]] std::size_t bytes() const noexcept { return free_.capacity() * buffer_bytes_; }
  [[nodiscard]] MutableBytes buffer(std::uint16_t id) const noexcept {
    return {memory_.get() + std::size_t{id} * buffer_bytes_, buffer_bytes_};
  }

 private:
  std::unique_ptr<std::uint8_t[]> memory_;
  std::size_t buffer_bytes_;
  std::vector<std::uint16_t> free_;
};

class EpollRing final : public Ring {
 public:
  static Result<std::unique_ptr<Ring>> create(const RingOptions& options);
  ~EpollRing() override;

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
  [[nodiscard]] std::size_t buffer_bytes() const noexcept override;

 private:
  enum class Input : std::uint8_t { kNone, kRecvMultishot, kRecv, kPoll, kPollMultishot };

  struct Accepting {
    std::uint64_t tag = 0;
    sockaddr_storage* address = nullptr;
    socklen_t* address_bytes = nullptr;
    bool direct = false;
  };
  // A send that the socket did not take at once, as far as it is not done.
  struct Sending {
    std::uint64_t tag = 0;
    std::vector<iovec> pieces;
    std::size_t first = 0;  // of the pieces that is not done
    std::size_t sent = 0;

    void take(std::size_t bytes) noexcept;  // so many more are done
  };
  struct Place {
    int fd = -1;
    bool watched = false;   // in the epoll set
    bool readable = false;  // as far as is known
    bool ended = false;     // the peer's side, or the socket: reading goes on to the end of it
    bool hot = false;       // on the list of those that have more to read
    Input input = Input::kNone;
    BufferGroup group = BufferGroup::kClients;
    std::uint32_t generation = 0;  // of the place: counted up when it is left
    std::uint64_t input_tag = 0;
    std::unique_ptr<Sending> sending;
    std::unique_ptr<std::deque<Accepting>> accepting;

    [[nodiscard]] bool idle() const noexcept {
      return input == Input::kNone && sending == nullptr &&
             (accepting == nullptr || accepting->empty());
    }
  };
  // What an event, and the list of the hot, know a place by.
  struct Key {
    std::uint32_t index = 0;
    std::uint32_t generation = 0;  // 31 bits
    bool direct = false;

    [[nodiscard]] std::uint64_t pack() const noexcept {
      return (std::uint64_t{direct} << 63U) | (std::uint64_t{generation} << 32U) | index;
    }
    static Key unpack(std::uint64_t value) noexcept {
      return {static_cast<std::uint32_t>(value),
              static_cast<std::uint32_t>(value >> 32U) & kGenerations, (value >> 63U) != 0};
    }
  };
  static constexpr std::size_t kMostSpare = 64;  // of a kilobyte each
  static constexpr std::uint32_t kGenerations = 0x7fff'ffff;

  EpollRing(int epoll, const RingOptions& options);

  void accept_later(int listen_fd, const Accepting& operation);
  void read_later(File file, Input input, BufferGroup group, std::uint64_t tag);
  [[nodiscard]] Place& place_of(File file);
  [[nodiscard]] Place* find(Key key);
  [[nodiscard]] static Key key_of(File file, const Place& place) noexcept;
  [[nodiscard]] int watch(File file, Place& place);  // 0, or a negative errno
  void heat(File file, Place& place);
  [[nodiscard]] BufferStack& buffers(BufferGroup group) noexcept {
    return buffers_[static_cast<std::size_t>(group)];
  }

  void on_event(std::uint64_t key, std::uint32_t events);
  void go_on_reading(File file, Place& place);
  void receive(File file, Place& place);
  void go_on_sending(Place& place);
  void go_on_accepting(Place& place);
  [[nodiscard]] int accept_one(int listen_fd, const Accepting& operation);
  [[nodiscard]] std::unique_ptr<Sending> new_sending();
  [[nodiscard]] bool cancel_in(Place& place, std::uint64_t tag);
  void end_all(Place& place);
  void end_sending(Place& place, int error);
  [[nodiscard]] static ssize_t send_some(int fd, std::span<const iovec> pieces) noexcept;
  void complete(std::uint64_t tag, int result, bool more = false);
  void end_input(Place& place, int result);

  int epoll_;
  std::vector<Place> direct_;
  std::vector<std::uint32_t> free_;  // of them
  std::unordered_map<int, Place> plain_;
  std::uint32_t plain_generation_ = 0;
  std::array<BufferStack, 2> buffers_;
  std::vector<std::uint64_t> hot_;
  std::vector<std::uint64_t> heated_;            // of this turn: swapped with it
  std::vector<std::unique_ptr<Sending>> spare_;  // of sends that are done, with their memory
  std::vector<Completion> ready_;
  std::size_t reaped_ = 0;  // of them
};

}  // namespace ringgate
