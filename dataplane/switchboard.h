// All mailboxes of a group of threads and their wake-ups. Endpoints are numbered: the shards first,
// then control, then threads that serve the shards (a store's). A reader is woken only when it
// sleeps, once per batch.
//
// A wake-up may get lost. So no reader sleeps longer than kMaxSleepMs, and all of them read their
// mail after every sleep, whatever ended it.
//
// Built before the threads start and destroyed after they have ended.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "codec/error.h"
#include "dataplane/mailbox.h"

namespace ringgate {

class Switchboard {
 public:
  // Shards, control and `extra` more threads that can write to each other; each mailbox holds
  // `mailbox_bytes`.
  static Result<std::unique_ptr<Switchboard>> create(std::uint32_t shards, std::uint32_t extra,
                                                     std::size_t mailbox_bytes);
  ~Switchboard();
  Switchboard(const Switchboard&) = delete;
  Switchboard& operator=(const Switchboard&) = delete;

  [[nodiscard]] std::uint32_t endpoints() const noexcept {
    return static_cast<std::uint32_t>(endpoints_.size());
  }
  [[nodiscard]] std::uint32_t shards() const noexcept { return shards_; }
  [[nodiscard]] std::uint32_t control() const noexcept { return shards_; }
  [[nodiscard]] std::uint32_t extra(std::uint32_t number) const noexcept {
    return shards_ + 1 + number;
  }

  [[nodiscard]] Mailbox& box(std::uint32_t from, std::uint32_t to) noexcept {
    return *boxes_[std::size_t{from} * endpoints() + to];
  }

  // The longest that a reader may block: what a lost wake-up costs.
  static constexpr std::uint32_t kMaxSleepMs = 100;

  // A non-blocking eventfd, written to when its owner is to wake up.
  [[nodiscard]] int wake_fd(std::uint32_t endpoint) const noexcept {
    return endpoints_[endpoint].wake_fd;
  }

  // Reader, before it blocks. False: there is mail, do not block.
  [[nodiscard]] bool prepare_sleep(std::uint32_t reader) noexcept;
  // Reader, after it has blocked.
  void awake(std::uint32_t reader) noexcept;

  // Writer, at the end of a batch: publishes everything written to `to`. True: it sleeps, and the
  // caller has to wake() it.
  [[nodiscard]] bool publish(std::uint32_t from, std::uint32_t to) noexcept;
  // One write(2) that does not block. Where it fails it is counted, and the next batch tries again.
  void wake(std::uint32_t endpoint) noexcept;
  // Reader, when its wake_fd is readable: it no longer is. Not needed by who watches its edges.
  void clear_wake(std::uint32_t endpoint) noexcept;
  // Any thread.
  [[nodiscard]] std::uint64_t failed_wakeups() const noexcept {
    return failed_wakeups_.load(std::memory_order_relaxed);
  }

  // Reader: hands all mail to `use(from, kind, view)`.
  template <class Use>
  std::size_t drain(std::uint32_t reader, Use&& use) {
    std::size_t messages = 0;
    for (std::uint32_t from = 0; from < endpoints(); ++from) {
      if (from == reader) continue;
      Mailbox& mailbox = box(from, reader);
      if (!mailbox.ready()) continue;
      messages += mailbox.drain([&](MailKind kind, ByteView message) { use(from, kind, message); });
    }
    return messages;
  }

 private:
  struct alignas(64) Endpoint {
    std::atomic<bool> sleeping{false};
    int wake_fd = -1;
  };

  Switchboard(std::uint32_t shards, std::uint32_t extra, std::size_t mailbox_bytes);

  std::uint32_t shards_;
  std::vector<Endpoint> endpoints_;
  std::vector<std::unique_ptr<Mailbox>> boxes_;
  std::atomic<std::uint64_t> failed_wakeups_{0};
};

}  // namespace ringgate
