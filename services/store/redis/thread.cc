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
constexpr std::size_t kOwnFiles = 2;      // before those of servers
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
      health_("redis " + options.target.name()),
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

void RedisStoreThread::use(RedisTarget target, std::shared_ptr<const RedisTlsContext> tls) {
  {
    const MutexLock lock(wanted_mutex_);
    wanted_ = Wanted{std::move(target), std::move(tls)};
  }
  switchboard_.wake(self_);
}

void RedisStoreThread::run() {
  dial();
  while (!stopping_.load()) {
    const bool sleep = switchboard_.prepare_sleep(self_);
    wait(sleep);
    take_wanted();
    read_mail();
    const std::uint64_t now_ms = Clock::monotonic_ms();
    probe_all(now_ms);
    if (now_ms >= renew_at_ms_) lease_or_renew();
    health_.turned(now_ms);
    sender_.flush();
  }
  servers_.reset();
  names_.reset();
  sender_.flush();
}

void RedisStoreThread::dial() {
  if (names_ == nullptr) {
    names_ = std::make_unique<RedisNames>(std::chrono::milliseconds(options_.timeout_ms));
  }
  servers_ = RedisServers::create(
      options_.target, {options_, *names_, &traffic_},
      {[this](RedisNode&) { on_connected(); },
       [this](const RedisNode& node, StoreTrouble trouble, std::string_view why) {
         on_broken(node, trouble, why);
       },
       [this](StoreTrouble trouble, std::string_view why) { health_.ill(trouble, why); }});
}

// A reload. The same servers, let in by the same means, stay as they are.
void RedisStoreThread::take_wanted() {
  std::optional<Wanted> wanted;
  {
    const MutexLock lock(wanted_mutex_);
    wanted.swap(wanted_);
  }
  if (!wanted) return;
  const bool has_same_tls =
      wanted->tls == options_.tls ||
      (wanted->tls != nullptr && options_.tls != nullptr && wanted->tls->is_same(*options_.tls));
  if (has_same_tls && wanted->target == options_.target) return;
  servers_->drop_all("the configuration has changed");
  servers_.reset();
  options_.target = std::move(wanted->target);
  options_.tls = std::move(wanted->tls);
  health_.set_address("redis " + options_.target.name());
  same_data_.clear();
  dial();
}

// Polls once; blocks only if `sleep`.
void RedisStoreThread::wait(bool sleep) {
  const std::uint64_t now_ms = Clock::monotonic_ms();
  std::uint64_t until_ms = std::min({servers_->next_turn_ms(), renew_at_ms_, now_ms + kTurnMs});
  for (const auto& node : servers_->nodes()) until_ms = std::min(until_ms, node->probe_at_ms);
  if (sender_.is_waiting()) until_ms = now_ms + kMailRetryMs;
  int wait_ms = 0;
  if (sleep && until_ms > now_ms) {
    // One more: the clock is coarse, and a loop that wakes just before its time would spin.
    wait_ms = static_cast<int>(until_ms - now_ms + 1);
  }
  files_.assign({{switchboard_.wake_fd(self_), POLLIN, 0}, {names_->fd(), POLLIN, 0}});
  servers_->add_files(files_);
  poll(files_.data(), files_.size(), wait_ms);
  switchboard_.awake(self_);
  if (files_[0].revents != 0) switchboard_.clear_wake(self_);
  names_->turn();
  const std::uint64_t woken_ms = Clock::monotonic_ms();
  if (woken_ms > now_ms + static_cast<std::uint64_t>(wait_ms) + kStallMs) {
    catch_up(now_ms);
  } else {
    servers_->turn(files_.data() + kOwnFiles, Clock::monotonic_ms());
  }
}

// The process stood still: the answers that came meanwhile are read before their time is judged.
void RedisStoreThread::catch_up(std::uint64_t then_ms) {
  constexpr int kMostReads = 1000;  // of 256 KiB from each
  for (int i = 0; i < kMostReads; ++i) {
    files_.clear();
    servers_->add_files(files_);
    const bool any_came = std::ranges::any_of(files_, [](const pollfd& file) {
      pollfd one{file.fd, POLLIN, 0};
      return file.fd >= 0 && poll(&one, 1, 0) > 0;
    });
    if (!any_came) return;
    poll(files_.data(), files_.size(), 0);
    servers_->turn(files_.data(), then_ms);
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
