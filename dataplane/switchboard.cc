#include "dataplane/switchboard.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "dataplane/shortage.h"

namespace ringgate {

Switchboard::Switchboard(std::uint32_t shards, std::uint32_t extra, std::size_t mailbox_bytes)
    : shards_(shards), endpoints_(shards + 1 + extra) {
  const std::uint32_t endpoints = shards + 1 + extra;
  boxes_.resize(std::size_t{endpoints} * endpoints);
  for (std::uint32_t from = 0; from < endpoints; ++from) {
    for (std::uint32_t to = 0; to < endpoints; ++to) {
      if (from == to) continue;
      boxes_[std::size_t{from} * endpoints + to] = std::make_unique<Mailbox>(mailbox_bytes);
    }
  }
}

Switchboard::~Switchboard() {
  for (const Endpoint& endpoint : endpoints_) {
    if (endpoint.wake_fd >= 0) close(endpoint.wake_fd);
  }
}

Result<std::unique_ptr<Switchboard>> Switchboard::create(std::uint32_t shards, std::uint32_t extra,
                                                         std::size_t mailbox_bytes) {
  std::unique_ptr<Switchboard> switchboard(new Switchboard(shards, extra, mailbox_bytes));
  for (Endpoint& endpoint : switchboard->endpoints_) {
    endpoint.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (endpoint.wake_fd < 0) {
      return fail("no wake-ups for the shards: " + why_no_descriptor(errno));
    }
  }
  return switchboard;
}

bool Switchboard::prepare_sleep(std::uint32_t reader) noexcept {
  // Sequentially consistent against publish(): either this thread sees the mail, or the writer
  // sees that this thread sleeps.
  endpoints_[reader].sleeping.store(true, std::memory_order_seq_cst);
  for (std::uint32_t from = 0; from < endpoints(); ++from) {
    if (from != reader && box(from, reader).ready_for_sleep()) {
      awake(reader);
      return false;
    }
  }
  return true;
}

void Switchboard::awake(std::uint32_t reader) noexcept {
  endpoints_[reader].sleeping.store(false, std::memory_order_relaxed);
}

bool Switchboard::publish(std::uint32_t from, std::uint32_t to) noexcept {
  if (!box(from, to).publish()) return false;
  std::atomic<bool>& sleeping = endpoints_[to].sleeping;
  return sleeping.load(std::memory_order_seq_cst) &&
         sleeping.exchange(false, std::memory_order_seq_cst);
}

// Not through a shard's ring: the kernel would hand it to a worker thread, which costs 20 us and
// may not be had.
void Switchboard::wake(std::uint32_t endpoint) noexcept {
  const std::uint64_t one = 1;
  if (write(endpoints_[endpoint].wake_fd, &one, sizeof one) == sizeof one) return;
  failed_wakeups_.fetch_add(1, std::memory_order_relaxed);
  endpoints_[endpoint].sleeping.store(true, std::memory_order_seq_cst);
}

void Switchboard::clear_wake(std::uint32_t endpoint) noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t none = read(endpoints_[endpoint].wake_fd, &count, sizeof count);
}

}  // namespace ringgate
