#include "services/store/redis/connection.h"

#include <fmt/format.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <poll.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "control/base/address.h"
#include "control/base/dial_order.h"
#include "control/base/resolver.h"
#include "dataplane/clock.h"

namespace ringgate {

RedisConnection::RedisConnection(const RedisStoreOptions& options, Events events)
    : options_(options), events_(std::move(events)) {
  connect(Clock::monotonic_ms());
}

RedisConnection::~RedisConnection() {
  events_ = {};
  if (context_ != nullptr) redisAsyncFree(context_);
}

void RedisConnection::connect(std::uint64_t now_ms) {
  now_ms_ = now_ms;
  connecting_since_ms_ = now_ms;
  context_ = redisAsyncConnect(address_to_dial().c_str(), options_.port);
  if (context_ == nullptr || context_->err != 0) {
    if (context_ != nullptr) redisAsyncFree(std::exchange(context_, nullptr));
    on_gone();
    return;
  }
  bounds_.watch(*context_->c.reader);
  context_->data = this;
  context_->ev.data = this;
  context_->ev.addRead = [](void* self) { static_cast<RedisConnection*>(self)->reading_ = true; };
  context_->ev.delRead = [](void* self) { static_cast<RedisConnection*>(self)->reading_ = false; };
  context_->ev.addWrite = [](void* self) { static_cast<RedisConnection*>(self)->writing_ = true; };
  context_->ev.delWrite = [](void* self) { static_cast<RedisConnection*>(self)->writing_ = false; };
  context_->ev.cleanup = [](void* self) { static_cast<RedisConnection*>(self)->on_gone(); };
  redisAsyncSetConnectCallback(context_, [](const redisAsyncContext* context, int status) {
    if (status == REDIS_OK) static_cast<RedisConnection*>(context->data)->on_connected();
  });
}

// hiredis takes the first address of a name and no other, which may be one that swallows
// everything.
std::string RedisConnection::address_to_dial() const {
  const Endpoint endpoint{options_.host, options_.port};
  if (numeric_address(endpoint)) return options_.host;
  Resolver::Answer found = lookup_name(endpoint);
  if (!found) return options_.host;  // hiredis says why
  const std::vector<SocketAddress> order = dial_order(std::move(*found));
  return format_host(order[failed_dials_ % order.size()].get());
}

void RedisConnection::on_connected() {
  connected_ = true;
  if (events_.connected) events_.connected();
}

void RedisConnection::on_gone() {
  if (why_broken_.empty()) {
    trouble_ = StoreTrouble::kConnection;
    why_broken_ = "cannot connect";
    if (context_ != nullptr && context_->err != 0) {
      if (context_->err == REDIS_ERR_PROTOCOL) trouble_ = StoreTrouble::kAnswer;
      why_broken_ = context_->errstr;
      if (!bounds_.refusal().empty()) {
        trouble_ = StoreTrouble::kAnswer;
        why_broken_ = bounds_.refusal();
      }
    }
  }
  context_ = nullptr;
  if (!connected_) ++failed_dials_;
  connected_ = reading_ = writing_ = false;
  sent_ms_.clear();
  redial_at_ms_ = 0;
  const std::string why = std::exchange(why_broken_, {});
  if (redialling_) return;
  connect_at_ms_ = now_ms_ + pause();
  if (events_.broken) events_.broken(trouble_, why);
}

std::uint64_t RedisConnection::pause() {
  const Backoff::Duration pause =
      backoff_.next(Backoff::Duration(options_.reconnect_min_ms),
                    Backoff::Duration(options_.reconnect_max_ms), random_);
  return static_cast<std::uint64_t>(pause.count());
}

void RedisConnection::drop(StoreTrouble trouble, std::string why) {
  trouble_ = trouble;
  why_broken_ = std::move(why);
  redisAsyncFree(context_);
}

void RedisConnection::settle() noexcept {
  backoff_.reset();
  redial_at_ms_ = 0;
}

void RedisConnection::redial_later() {
  if (redial_at_ms_ == 0 && context_ != nullptr) redial_at_ms_ = now_ms_ + pause();
}

void RedisConnection::redial() {
  redialling_ = true;
  drop(StoreTrouble::kConnection, "dialling again");
  redialling_ = false;
  connect(now_ms_);
}

bool RedisConnection::send(std::span<const std::string> words, OnReply on_reply) {
  if (context_ == nullptr) return false;
  std::vector<const char*> data;
  std::vector<std::size_t> sizes;
  for (const std::string& word : words) {
    data.push_back(word.data());
    sizes.push_back(word.size());
  }
  auto command = std::make_unique<Command>(Command{this, std::move(on_reply)});
  if (redisAsyncCommandArgv(context_, RedisConnection::on_reply, command.get(),
                            static_cast<int>(data.size()), data.data(), sizes.data()) != REDIS_OK) {
    return false;
  }
  static_cast<void>(command.release());  // on_reply owns it
  sent_ms_.push_back(now_ms_);
  return true;
}

void RedisConnection::on_reply(redisAsyncContext*, void* reply, void* command) {
  const std::unique_ptr<Command> owned(static_cast<Command*>(command));
  std::deque<std::uint64_t>& sent_ms = owned->connection->sent_ms_;
  if (!sent_ms.empty()) sent_ms.pop_front();
  if (owned->on_reply) owned->on_reply(static_cast<const redisReply*>(reply));
}

int RedisConnection::fd() const noexcept {
  return context_ != nullptr ? context_->c.fd : -1;
}

short RedisConnection::events() const noexcept {
  return static_cast<short>((reading_ || connected_ ? POLLIN : 0) | (writing_ ? POLLOUT : 0));
}

void RedisConnection::turn(short ready, std::uint64_t now_ms) {
  now_ms_ = now_ms;
  constexpr short kTrouble = POLLERR | POLLHUP;
  if (context_ != nullptr && (ready & (POLLOUT | kTrouble)) != 0 && writing_) {
    redisAsyncHandleWrite(context_);
  }
  // The context may be gone after each of these.
  if (context_ != nullptr && connected_ && (ready & (POLLIN | kTrouble)) != 0) {
    redisAsyncHandleRead(context_);
    if (context_ != nullptr && bounds_.is_over(*context_->c.reader)) {
      drop(StoreTrouble::kAnswer, bounds_.refusal());
    }
  }
  if (context_ == nullptr) {
    if (now_ms >= connect_at_ms_) connect(now_ms);
    return;
  }
  if (!connected_ && now_ms - connecting_since_ms_ >= options_.timeout_ms) {
    drop(StoreTrouble::kTimeout, fmt::format("no connection within {} ms", options_.timeout_ms));
  } else if (!sent_ms_.empty() && now_ms - sent_ms_.front() >= options_.timeout_ms) {
    drop(StoreTrouble::kTimeout, fmt::format("no answer within {} ms", options_.timeout_ms));
  } else if (redial_at_ms_ != 0 && now_ms >= redial_at_ms_ &&
             (sent_ms_.empty() || now_ms - redial_at_ms_ >= options_.timeout_ms)) {
    redial();  // while nobody waits on it, if there is such a moment
  }
}

std::uint64_t RedisConnection::next_turn_ms() const noexcept {
  if (context_ == nullptr) return connect_at_ms_;
  if (!connected_) return connecting_since_ms_ + options_.timeout_ms;
  if (!sent_ms_.empty()) return sent_ms_.front() + options_.timeout_ms;
  if (redial_at_ms_ != 0) return redial_at_ms_;
  return std::numeric_limits<std::uint64_t>::max();
}

}  // namespace ringgate
