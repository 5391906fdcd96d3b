#include "services/store/redis/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "dataplane/clock.h"

namespace ringgate {
namespace {

constexpr std::string_view kTlsAlert = "\x15\x03";  // how a record of it begins

}  // namespace

RedisConnection::RedisConnection(const Shared& shared, Events events)
    : shared_(shared), events_(std::move(events)), now_ms_(Clock::monotonic_ms()) {}

RedisConnection::~RedisConnection() {
  events_ = {};
  forget_all();
}

void RedisConnection::use(std::vector<RedisAddress> addresses) {
  addresses_ = std::move(addresses);
  if (std::ranges::find(addresses_, address_) != addresses_.end()) return;
  failed_dials_ = 0;
  if (state_ != State::kWaiting) drop(StoreTrouble::kConnection, "another server is meant");
  address_ = {};
  dial_at_ms_ = 0;
}

std::uint64_t RedisConnection::pause() {
  const Backoff::Duration pause =
      backoff_.next(Backoff::Duration(shared_.options.reconnect_min_ms),
                    Backoff::Duration(shared_.options.reconnect_max_ms), random_);
  return static_cast<std::uint64_t>(pause.count());
}

// Whoever waits is told that there is no answer.
void RedisConnection::forget_all() {
  shared_.names.forget(std::exchange(lookup_, 0));
  state_ = State::kWaiting;
  socket_.reset();
  reader_.reset();
  server_clock_ms_.reset();
  redial_at_ms_ = 0;
  is_answered_ = false;
  for (Sent& sent : std::exchange(sent_, {})) {
    if (sent.on_reply) sent.on_reply(nullptr);
  }
}

void RedisConnection::drop(StoreTrouble trouble, const std::string& why) {
  if (state_ != State::kReady) ++failed_dials_;
  dial_at_ms_ = now_ms_ + pause();
  forget_all();
  if (events_.broken) events_.broken(trouble, why);
}

void RedisConnection::settle() noexcept {
  backoff_.reset();
  redial_at_ms_ = 0;
}

void RedisConnection::redial_later() {
  if (redial_at_ms_ == 0 && state_ == State::kReady) redial_at_ms_ = now_ms_ + pause();
}

void RedisConnection::redial() {
  ++failed_dials_;  // the next address: this one's server does not do it
  forget_all();
  dial();
}

bool RedisConnection::send(const RedisCommand& command, OnReply on_reply) {
  if (state_ != State::kReady) return false;
  post(command, std::move(on_reply));
  return true;
}

void RedisConnection::post(const RedisCommand& command, OnReply on_reply) {
  std::string fence;
  std::vector<const char*> data;
  std::vector<std::size_t> sizes;
  for (const std::string& word : command.words) {
    data.push_back(word.data());
    sizes.push_back(word.size());
  }
  if (command.fence != 0 && server_clock_ms_) {
    fence = std::to_string(*server_clock_ms_ + static_cast<std::int64_t>(command.deadline_ms));
    data[command.fence] = fence.data();
    sizes[command.fence] = fence.size();
  }
  char* bytes = nullptr;
  const long long size =
      redisFormatCommandArgv(&bytes, static_cast<int>(data.size()), data.data(), sizes.data());
  const std::unique_ptr<char, void (*)(char*)> owned(bytes, redisFreeCommand);
  sent_.push_back({Clock::monotonic_ms(), Clock::monotonic_ns(), std::move(on_reply)});
  if (size < 0) {
    if (!wrong_) wrong_.emplace(StoreTrouble::kOther, "no memory for a command");
  } else if (auto sent = socket_->write({bytes, static_cast<std::size_t>(size)}); !sent) {
    if (!wrong_) wrong_.emplace(StoreTrouble::kConnection, sent.error().message);
  }
}

// --- Answers ------------------------------------------------------------------------------------

void RedisConnection::take(std::string_view bytes) {
  if (wrong_ || !reader_) return;
  redisReaderFeed(reader_.get(), bytes.data(), bytes.size());
  while (reader_ && !wrong_) {
    void* reply = nullptr;
    if (redisReaderGetReply(reader_.get(), &reply) != REDIS_OK) {
      if (bytes.starts_with(kTlsAlert)) {
        wrong_.emplace(StoreTrouble::kConnection, fmt::format("if {}", kWriteRediss));
        return;
      }
      const std::string& refusal = bounds_.refusal();
      wrong_.emplace(StoreTrouble::kAnswer, refusal.empty() ? reader_->errstr : refusal);
      return;
    }
    if (reply == nullptr) break;
    take_reply(static_cast<redisReply*>(reply));
  }
  if (reader_ && !wrong_ && bounds_.is_over(*reader_)) {
    wrong_.emplace(StoreTrouble::kAnswer, bounds_.refusal());
  }
}

void RedisConnection::take_reply(redisReply* reply) {
  const std::unique_ptr<redisReply, void (*)(void*)> owned(reply, freeReplyObject);
  is_answered_ = true;
  if (sent_.empty()) {  // an error that nobody asked for, as when it has too many clients
    wrong_.emplace(StoreTrouble::kConnection, std::string(reply->str, reply->len));
    return;
  }
  const Sent sent = std::move(sent_.front());
  sent_.pop_front();
  if (shared_.traffic != nullptr)
    shared_.traffic->answered((Clock::monotonic_ns() - sent.at_ns) / 1000);
  if (sent.on_reply) sent.on_reply(reply);
}

// A Redis that speaks TLS closes at the first words that are none of it.
std::string RedisConnection::end_of(const std::string& why) const {
  const bool may_speak_tls = socket_->is_secure() && !is_answered_ && !address_.access.has_tls &&
                             address_.socket_path.empty();
  return may_speak_tls ? fmt::format("{}; if {}", why, kWriteRediss) : why;
}

void RedisConnection::turn(short ready, std::uint64_t now_ms) {
  now_ms_ = now_ms;
  if (socket_) {
    const bool was_connected = socket_->is_secure();
    const auto is_open = socket_->turn(ready, [this](std::string_view bytes) { take(bytes); });
    if (!wrong_ && (!is_open || !*is_open)) {
      const std::string why = is_open ? "Server closed the connection" : is_open.error().message;
      wrong_.emplace(StoreTrouble::kConnection, end_of(why));
    }
    if (!wrong_ && !was_connected && socket_->is_secure()) greet();
  }
  if (auto wrong = std::exchange(wrong_, {})) return drop(wrong->first, wrong->second);
  const std::uint64_t timeout_ms = shared_.options.timeout_ms;
  if (state_ == State::kWaiting) {
    if (!addresses_.empty() && now_ms >= dial_at_ms_) dial();
  } else if (state_ != State::kReady && now_ms >= dialling_since_ms_ + timeout_ms) {
    const bool is_in_handshake = socket_ && socket_->is_in_handshake();
    drop(StoreTrouble::kTimeout,
         is_in_handshake ? fmt::format("no TLS handshake within {} ms: {}", timeout_ms, kWriteRedis)
                         : fmt::format("no connection within {} ms", timeout_ms));
  } else if (!sent_.empty() && now_ms >= sent_.front().at_ms + timeout_ms) {
    drop(StoreTrouble::kTimeout, fmt::format("no answer within {} ms", timeout_ms));
  } else if (redial_at_ms_ != 0 && now_ms >= redial_at_ms_ &&
             (sent_.empty() || now_ms >= redial_at_ms_ + timeout_ms)) {
    redial();  // while nobody waits on it, if there is such a moment
  }
}

std::uint64_t RedisConnection::next_turn_ms() const noexcept {
  if (wrong_) return 0;
  const std::uint64_t timeout_ms = shared_.options.timeout_ms;
  if (state_ == State::kWaiting) return addresses_.empty() ? kNever : dial_at_ms_;
  if (state_ != State::kReady) return dialling_since_ms_ + timeout_ms;
  const std::uint64_t late_ms = sent_.empty() ? kNever : sent_.front().at_ms + timeout_ms;
  if (redial_at_ms_ == 0) return late_ms;
  return sent_.empty() ? redial_at_ms_ : std::min(late_ms, redial_at_ms_ + timeout_ms);
}

}  // namespace ringgate
