#include "services/store/calls/thread.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "control/base/thread.h"
#include "dataplane/clock.h"
#include "services/store/mail_kinds.h"

namespace ringgate {

StoreThread::StoreThread(const StoreThreadOptions& options, MakeBackend make_backend)
    : options_(options),
      make_backend_(std::move(make_backend)),
      health_(options.address, options.store),
      metrics_(options.store, options.calls, options.shards) {}

StoreThread::~StoreThread() {
  stop();
}

Result<void> StoreThread::start(Switchboard& switchboard) {
  Result<std::unique_ptr<ControlLoop>> loop = ControlLoop::create();
  if (!loop) return std::unexpected(loop.error());
  loop_ = std::move(*loop);
  switchboard_ = &switchboard;
  self_ = switchboard.extra(options_.client.endpoint);
  sender_ = std::make_unique<MailSender>(switchboard, self_);
  loop_->watch(switchboard.wake_fd(self_), ControlLoop::Until::kReadable,
               [this] { switchboard_->clear_wake(self_); });
  loop_->at_turn_end([this] { return turn(); });
  thread_ = start_thread(std::string(options_.store) + "-store", [this] { run(); });
  return {};
}

void StoreThread::stop() {
  if (!thread_.joinable()) return;
  loop_->stop();
  thread_.join();
}

std::unique_ptr<StoreClient> StoreThread::client(Shard& shard) {
  return std::make_unique<StoreClient>(options_.client, shard, metrics_.of_shard(shard.index()));
}

void StoreThread::collect(MetricsSnapshot& metrics, const std::string& service) const {
  health_.collect(metrics, service);
  metrics_.collect(metrics, service);
}

void StoreThread::run() {
  backend_ = make_backend_(*this);
  turn();  // so that the first mail wakes it
  loop_->run();
  backend_.reset();
  sender_->flush();
}

// At the end of each turn of the loop, before it waits again. True: mail waits for room.
bool StoreThread::turn() {
  switchboard_->awake(self_);
  read_mail();
  backend_->on_turn_end();
  sender_->flush();
  waiting_bytes_.store(sender_->waiting_bytes(), std::memory_order_relaxed);
  health_.turned(Clock::monotonic_ms());
  // What came meanwhile is read in the next turn, which so comes at once, but after descriptors.
  if (!switchboard_->prepare_sleep(self_)) switchboard_->wake(self_);
  return sender_->is_waiting();
}

void StoreThread::read_mail() {
  switchboard_->drain(self_, [this](std::uint32_t from, MailKind kind, ByteView mail) {
    switch (kind) {
      case kMailStoreCall:
        take(*kMailStoreCall.read(mail).job);
        return;
      case kMailStoreLate:
        backend_->undo(*kMailStoreLate.read(mail).job);
        return;
      default:
        if (backend_->on_mail(from, kind, mail)) return;
        if (unknown_mail_.count() == 0) {
          spdlog::error("bug: the {} store got mail of kind {}", options_.store, kind);
        }
        unknown_mail_.note(from, kind);
    }
  });
}

// What was answered kTimeout must not happen after all.
void StoreThread::take(StoreJob& job) {
  if (job.is_past(Clock::monotonic_ms())) {
    backend_->on_missed(job);
    fail(job, StoreError::kTimeout);
  } else {
    backend_->take(job);
  }
}

void StoreThread::answer(StoreJob& job) {
  sender_->send(job.shard(), kMailStoreDone, bytes_of(StoreJobMail{&job}));
}

void StoreThread::fail(StoreJob& job, StoreError error) {
  job.fail(error);
  answer(job);
}

}  // namespace ringgate
