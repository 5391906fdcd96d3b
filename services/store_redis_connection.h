// One pipelined connection to Redis, over hiredis' asynchronous context, which brings no event loop
// and (in 0.14) no timers of its own: both are here.
//
// Owned by one thread, which polls fd() for events() and calls turn(). Commands are answered in
// order; a connection whose oldest command stays without an answer for too long is dropped, and so
// is everything in flight on it. Reconnects with backoff.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "services/store_redis.h"

struct redisAsyncContext;
struct redisReply;

namespace ringgate {

class RedisConnection {
 public:
  // Null: the connection broke, or the time was up. Valid for the call.
  using OnReply = std::function<void(const redisReply* reply)>;
  // `connected` is called for every new connection, `broken` when it is no more.
  struct Events {
    std::function<void()> connected;
    std::function<void(std::string_view why)> broken;
  };

  RedisConnection(const RedisStoreOptions& options, Events events);
  ~RedisConnection();
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  // False: there is no connection, nor one under way; `on_reply` is not called.
  [[nodiscard]] bool send(std::span<const std::string> words, OnReply on_reply);
  [[nodiscard]] std::size_t in_flight() const noexcept { return sent_ms_.size(); }

  // -1 while there is nothing to poll.
  [[nodiscard]] int fd() const noexcept;
  [[nodiscard]] short events() const noexcept;
  // After each poll, with what it returned for fd().
  void turn(short ready, std::uint64_t now_ms);
  // When turn() is to be called at the latest: ms of CLOCK_MONOTONIC.
  [[nodiscard]] std::uint64_t next_turn_ms() const noexcept;

 private:
  struct Command {
    RedisConnection* connection;
    OnReply on_reply;
  };

  void connect(std::uint64_t now_ms);
  void drop(std::string why);
  // Within hiredis: its context is being freed.
  void on_gone();
  void on_connected();
  static void on_reply(redisAsyncContext* context, void* reply, void* command);

  RedisStoreOptions options_;
  Events events_;
  redisAsyncContext* context_ = nullptr;
  bool connected_ = false;
  bool reading_ = false;
  bool writing_ = false;
  std::string why_broken_;
  std::uint64_t now_ms_ = 0;
  std::uint64_t connect_at_ms_ = 0;  // without a context: when to try again
  std::uint64_t connecting_since_ms_ = 0;
  std::uint32_t backoff_ms_ = 0;
  std::deque<std::uint64_t> sent_ms_;  // of the commands in flight
};

}  // namespace ringgate
