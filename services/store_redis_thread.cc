#include "services/store_redis_thread.h"

#include <fmt/format.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

#include "control/thread.h"
#include "dataplane/clock.h"
#include "services/logic_mail.h"
#include "services/store_redis_scripts.h"

namespace ringgate {
namespace {

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kMailRetryMs = 1;  // while a shard's mailbox is full

void wake(int fd) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(fd, &one, sizeof one);
}

std::string random_name() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

std::int64_t wall_ms() {
  return wall_clock_ns() / 1'000'000;
}

}  // namespace

RedisStoreThread::RedisStoreThread(const RedisStoreOptions& options, Switchboard& switchboard)
    : options_(options),
      switchboard_(switchboard),
      self_(switchboard.extra(options.extra_endpoint)),
      owner_(random_name()) {}

RedisStoreThread::~RedisStoreThread() {
  stop();
}

void RedisStoreThread::start() {
  thread_ = start_thread("redis", [this] { run(); });
}

void RedisStoreThread::stop() {
  if (!thread_.joinable()) return;
  stopping_.store(true);
  wake(switchboard_.wake_fd(self_));
  thread_.join();
}

void RedisStoreThread::run() {
  connection_ = std::make_unique<RedisConnection>(
      options_, RedisConnection::Events{[this] { on_connected(); },
                                        [this](std::string_view why) { on_broken(why); }});
  while (!stopping_.load()) {
    const bool sleep = switchboard_.prepare_sleep(self_);
    wait(sleep);
    read_mail();
    if (Clock::monotonic_ms() >= renew_at_ms_) lease_or_renew();
    flush();
  }
  connection_.reset();
  flush();
}

// Polls once; blocks only if `sleep`.
void RedisStoreThread::wait(bool sleep) {
  const std::uint64_t now_ms = Clock::monotonic_ms();
  std::uint64_t until_ms = std::min(connection_->next_turn_ms(), renew_at_ms_);
  if (!waiting_.empty()) until_ms = now_ms + kMailRetryMs;
  int wait_ms = 0;
  if (sleep && until_ms == kNever) {
    wait_ms = -1;
  } else if (sleep && until_ms > now_ms) {
    // One more: the clock is coarse, and a loop that wakes just before its time would spin.
    wait_ms = static_cast<int>(std::min<std::uint64_t>(until_ms - now_ms + 1, 60'000));
  }
  pollfd files[2] = {{switchboard_.wake_fd(self_), POLLIN, 0},
                     {connection_->fd(), connection_->events(), 0}};
  poll(files, 2, wait_ms);
  switchboard_.awake(self_);
  if (files[0].revents != 0) {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t bytes = read(files[0].fd, &count, sizeof count);
  }
  connection_->turn(files[1].revents, Clock::monotonic_ms());
}

void RedisStoreThread::read_mail() {
  switchboard_.drain(self_, [this](std::uint32_t from, MailKind kind, ByteView mail) {
    if (kind == kMailStoreRequest) take(from, mail);
  });
}

void RedisStoreThread::post(std::uint32_t to, MailKind kind, ByteView message) {
  if (!waiting_.empty() || !try_post(to, kind, message)) {
    waiting_.push_back({to, kind, {message.begin(), message.end()}});
  }
}

bool RedisStoreThread::try_post(std::uint32_t to, MailKind kind, ByteView message) {
  std::uint8_t* const room =
      switchboard_.box(self_, to).reserve(kind, message.size(), Urgency::kControl);
  if (room == nullptr) return false;
  std::memcpy(room, message.data(), message.size());
  return true;
}

void RedisStoreThread::flush() {
  while (!waiting_.empty() &&
         try_post(waiting_.front().to, waiting_.front().kind, waiting_.front().bytes)) {
    waiting_.pop_front();
  }
  for (std::uint32_t to = 0; to < switchboard_.shards(); ++to) {
    if (switchboard_.publish(self_, to)) wake(switchboard_.wake_fd(to));
  }
}

void RedisStoreThread::on_connected() {
  connected_.store(true, std::memory_order_relaxed);
  if (std::exchange(outage_told_, false)) {
    spdlog::info("redis {}:{} is back", options_.host, options_.port);
  }
  renew_at_ms_ = 0;  // the lease first: no ids without it
}

void RedisStoreThread::on_broken(std::string_view why) {
  connected_.store(false, std::memory_order_relaxed);
  renew_at_ms_ = kNever;
  if (std::exchange(lease_valid_, false)) tell_shards();
  if (std::exchange(outage_told_, true)) return;  // once per outage
  spdlog::warn("redis {}:{}: {}; requests that need it are answered with 300 until it is back",
               options_.host, options_.port, why);
}

void RedisStoreThread::lease_or_renew() {
  renew_at_ms_ = Clock::monotonic_ms() + options_.lease_ms / 3;
  const std::int64_t now_ms = wall_ms();
  std::int64_t until_ms = now_ms + options_.lease_ms;
  const std::string lease_ms = std::to_string(options_.lease_ms);
  std::vector<std::string> words;
  RedisConnection::OnReply use;
  if (lease_) {
    until_ms = std::max(until_ms, lease_->until_ms);
    const std::string name = fmt::format("ringgate:node:{}", lease_->node);
    words = {"EVAL",          kRenewScript, "2",      name,
             name + ":until", owner_,       lease_ms, std::to_string(until_ms)};
    use = [this, until_ms](const redisReply* reply) { on_renewed(reply, until_ms); };
  } else {
    const std::uint32_t first = std::random_device{}() % MessageIds::kNodes;
    words = {"EVAL",
             kLeaseScript,
             "0",
             owner_,
             lease_ms,
             std::to_string(until_ms),
             std::to_string(first),
             std::to_string(MessageIds::kNodes),
             std::to_string(until_ms)};
    use = [this, until_ms](const redisReply* reply) { on_leased(reply, until_ms); };
  }
  if (!connection_->send(words, std::move(use))) renew_at_ms_ = kNever;  // on_connected goes on
}

void RedisStoreThread::on_leased(const redisReply* reply, std::int64_t until_ms) {
  if (reply == nullptr) return;
  if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
      reply->element[0]->type != REDIS_REPLY_INTEGER ||
      reply->element[1]->type != REDIS_REPLY_STRING) {
    spdlog::error("redis {}:{} gives no node number for message ids ({}); trying again",
                  options_.host, options_.port,
                  reply->type == REDIS_REPLY_ERROR ? reply->str : "all 1024 are taken");
    return;
  }
  std::int64_t ended_ms = 0;
  const redisReply& ended = *reply->element[1];
  std::from_chars(ended.str, ended.str + ended.len, ended_ms);
  lease_ =
      NodeLease{static_cast<std::uint32_t>(reply->element[0]->integer), ended_ms + 1, until_ms};
  lease_valid_ = true;
  tell_shards();
}

void RedisStoreThread::on_renewed(const redisReply* reply, std::int64_t until_ms) {
  if (reply == nullptr) return;
  if (reply->type == REDIS_REPLY_INTEGER && reply->integer == 1) {
    lease_->until_ms = until_ms;
    lease_valid_ = true;
  } else {
    lease_.reset();  // it ran out, or Redis has forgotten it
    lease_valid_ = false;
    renew_at_ms_ = 0;
  }
  tell_shards();
}

void RedisStoreThread::tell_shards() {
  const NodeLeaseMail mail{lease_valid_ ? 1u : 0u, lease_ ? *lease_ : NodeLease{}};
  for (std::uint32_t to = 0; to < switchboard_.shards(); ++to) {
    post(to, kMailNodeLease, {reinterpret_cast<const std::uint8_t*>(&mail), sizeof mail});
  }
}

}  // namespace ringgate
