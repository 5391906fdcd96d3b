#include "services/store/redis/thread.h"

#include <fmt/format.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "control/base/address.h"
#include "control/base/thread.h"
#include "dataplane/clock.h"
#include "services/store/mail_kinds.h"
#include "services/store/redis/scripts.h"

namespace ringgate {
namespace {

constexpr std::uint64_t kMailRetryMs = 1;  // while a shard's mailbox is full
// At least so often: a wake-up may get lost, and to show that it does not hang.
constexpr std::uint64_t kTurnMs = Switchboard::kMaxSleepMs;
constexpr std::uint64_t kStallMs = 1000;  // a wait that is so much too long: nobody ran

std::string random_name() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

}  // namespace

RedisStoreThread::RedisStoreThread(const RedisStoreOptions& options, Switchboard& switchboard)
    : options_(options),
      switchboard_(switchboard),
      self_(switchboard.extra(options.extra_endpoint)),
      sender_(switchboard, self_),
      owner_(random_name()),
      health_("redis " + format_endpoint({options.host, options.port})),
      epoch_(std::uint64_t{std::random_device{}()} << 32U) {}

RedisStoreThread::~RedisStoreThread() {
  stop();
}

void RedisStoreThread::start() {
  thread_ = start_thread("redis", [this] { run(); });
}

void RedisStoreThread::stop() {
  if (!thread_.joinable()) return;
  stopping_.store(true);
  switchboard_.wake(self_);
  thread_.join();
}

void RedisStoreThread::run() {
  connection_ = std::make_unique<RedisConnection>(
      options_, RedisConnection::Events{[this] { on_connected(); },
                                        [this](StoreTrouble trouble, std::string_view why) {
                                          on_broken(trouble, why);
                                        }});
  while (!stopping_.load()) {
    const bool sleep = switchboard_.prepare_sleep(self_);
    wait(sleep);
    read_mail();
    const std::uint64_t now_ms = Clock::monotonic_ms();
    if (now_ms >= probe_at_ms_) probe();
    if (now_ms >= renew_at_ms_) lease_or_renew();
    health_.turned(now_ms);
    sender_.flush();
  }
  connection_.reset();
  sender_.flush();
}

// Polls once; blocks only if `sleep`.
void RedisStoreThread::wait(bool sleep) {
  const std::uint64_t now_ms = Clock::monotonic_ms();
  std::uint64_t until_ms =
      std::min({connection_->next_turn_ms(), renew_at_ms_, probe_at_ms_, now_ms + kTurnMs});
  if (sender_.is_waiting()) until_ms = now_ms + kMailRetryMs;
  int wait_ms = 0;
  if (sleep && until_ms > now_ms) {
    // One more: the clock is coarse, and a loop that wakes just before its time would spin.
    wait_ms = static_cast<int>(until_ms - now_ms + 1);
  }
  pollfd files[2] = {{switchboard_.wake_fd(self_), POLLIN, 0},
                     {connection_->fd(), connection_->events(), 0}};
  poll(files, 2, wait_ms);
  switchboard_.awake(self_);
  if (files[0].revents != 0) switchboard_.clear_wake(self_);
  const std::uint64_t woken_ms = Clock::monotonic_ms();
  if (woken_ms > now_ms + static_cast<std::uint64_t>(wait_ms) + kStallMs) catch_up(now_ms);
  const short ready = connection_->fd() == files[1].fd ? files[1].revents : short{0};
  connection_->turn(ready, Clock::monotonic_ms());
}

// The process stood still: the answers that came meanwhile are read before their time is judged.
void RedisStoreThread::catch_up(std::uint64_t then_ms) {
  constexpr int kMostReads = 1000;  // of 16 KiB
  for (int i = 0; i < kMostReads && connection_->fd() >= 0; ++i) {
    pollfd file{connection_->fd(), POLLIN, 0};
    if (poll(&file, 1, 0) <= 0) return;
    connection_->turn(file.revents, then_ms);
  }
}

void RedisStoreThread::read_mail() {
  switchboard_.drain(self_, [this](std::uint32_t from, MailKind kind, ByteView mail) {
    if (kind == kMailStoreRequest) {
      take(from, mail);
      return;
    }
    if (unknown_mail_.count() == 0) spdlog::error("bug: the store got mail of kind {}", kind);
    unknown_mail_.note(from, kind);
  });
}

}  // namespace ringgate
