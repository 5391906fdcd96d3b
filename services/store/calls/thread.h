// The thread of a store: a loop of its own (descriptors, timers, what others post), an extra
// endpoint of the shards' switchboard, and a backend that does what is asked.
//
//   StoreThread messages(options, make_backend);            // before the group of shards
//   auto shards = ShardGroup::create(..., [&](std::uint32_t) { ... messages.client(shard) ... });
//   messages.start((*shards)->switchboard());
//   ...
//   (*shards)->stop();
//   messages.stop();                                        // before the group is destroyed
//
// It outlives the group, whose clients count in its metrics; it has ended before the group is
// destroyed, since the clients own what it works on.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include "control/base/loop.h"
#include "dataplane/mail_sender.h"
#include "dataplane/switchboard.h"
#include "services/store/calls/backend.h"
#include "services/store/calls/client.h"
#include "services/store/calls/metrics.h"
#include "services/store/health.h"

namespace ringgate {

struct StoreThreadOptions {
  std::string_view store;  // "message": "the message store" in sentences; "messages" in metrics
  std::string address;     // how sentences call it; without passwords
  std::span<const std::string_view> calls;  // StoreCalls::kNames
  std::uint32_t shards = 1;
  StoreClientOptions client;
};

class StoreThread {
 public:
  // Called on the thread; what it makes is destroyed there.
  using MakeBackend = std::function<std::unique_ptr<StoreBackend>(StoreThread& thread)>;

  StoreThread(const StoreThreadOptions& options, MakeBackend make_backend);
  // Stops.
  ~StoreThread();
  StoreThread(const StoreThread&) = delete;
  StoreThread& operator=(const StoreThread&) = delete;

  [[nodiscard]] Result<void> start(Switchboard& switchboard);
  void stop();

  // --- A shard's thread ----------------------------------------------------------------------
  [[nodiscard]] std::unique_ptr<StoreClient> client(Shard& shard);

  // --- Any thread ----------------------------------------------------------------------------
  [[nodiscard]] const StoreHealth& health() const noexcept { return health_; }
  [[nodiscard]] const StoreCallMetrics& calls() const noexcept { return metrics_; }
  void collect(MetricsSnapshot& metrics, const std::string& service) const;
  [[nodiscard]] const UnknownMail& unknown_mail() const noexcept { return unknown_mail_; }
  // Memory of answers that wait for room in a shard's mailbox.
  [[nodiscard]] std::uint64_t waiting_mail_bytes() const noexcept {
    return waiting_bytes_.load(std::memory_order_relaxed);
  }

  // --- The backend, on the store's thread ----------------------------------------------------
  [[nodiscard]] ControlLoop& loop() noexcept { return *loop_; }
  [[nodiscard]] StoreHealth& health() noexcept { return health_; }
  // The job is its shard's again.
  void answer(StoreJob& job);
  void fail(StoreJob& job, StoreError error);
  // Mail of the backend's own, to every shard; never dropped.
  template <class Payload>
  void tell_shards(MailOf<Payload> kind, const std::type_identity_t<Payload>& payload) {
    for (std::uint32_t to = 0; to < switchboard_->shards(); ++to) {
      sender_->send(to, kind, bytes_of(payload));
    }
  }

 private:
  void run();
  bool turn();
  void read_mail();
  void take(StoreJob& job);

  const StoreThreadOptions options_;
  MakeBackend make_backend_;
  StoreHealth health_;
  StoreCallMetrics metrics_;
  Switchboard* switchboard_ = nullptr;
  std::uint32_t self_ = 0;
  std::unique_ptr<MailSender> sender_;
  std::unique_ptr<ControlLoop> loop_;
  std::unique_ptr<StoreBackend> backend_;
  std::atomic<std::uint64_t> waiting_bytes_{0};
  UnknownMail unknown_mail_;
  std::thread thread_;
};

}  // namespace ringgate
