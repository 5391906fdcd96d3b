// One pipelined connection to Redis, over hiredis' asynchronous context, which brings no event loop
// and (in 0.14) no timers of its own: both are here.
//
// Owned by one thread, which polls fd() for events() and calls turn(). Commands are answered in
// order; a connection whose oldest command stays without an answer for too long is dropped, and so
// is everything in flight on it; so is one whose answers are none that a Redis gives. Reconnects
// with backoff, which ends when settle() says that what is there works: a server that accepts and
// never answers is asked no more often than one that is gone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <string_view>

#include "control/base/backoff.h"
#include "services/store/health.h"
#include "services/store/redis/bounds.h"
#include "services/store/redis/store.h"

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
    std::function<void(StoreTrouble trouble, std::string_view why)> broken;
  };

  RedisConnection(const RedisStoreOptions& options, Events events);
  ~RedisConnection();
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  // False: there is no connection, nor one under way; `on_reply` is not called.
  [[nodiscard]] bool send(std::span<const std::string> words, OnReply on_reply);
  [[nodiscard]] std::size_t in_flight() const noexcept { return sent_ms_.size(); }

  // The server does what it is asked: no more backoff, and no redial.
  void settle() noexcept;
  // It does not, and another may be at its address by now: after the backoff, a new connection
  // takes the place of this one, which is used until then. No `broken` tells of it.
  void redial_later();

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
  [[nodiscard]] std::string address_to_dial() const;
  void drop(StoreTrouble trouble, std::string why);
  void redial();
  [[nodiscard]] std::uint64_t pause();
  // Within hiredis: its context is being freed.
  void on_gone();
  void on_connected();
  static void on_reply(redisAsyncContext* context, void* reply, void* command);

  RedisStoreOptions options_;
  Events events_;
  RedisAnswerBounds bounds_{[this] { return !sent_ms_.empty(); }};
  redisAsyncContext* context_ = nullptr;
  bool connected_ = false;
  std::size_t failed_dials_ = 0;  // each takes the next address of the host's name
  bool reading_ = false;
  bool writing_ = false;
  bool redialling_ = false;  // this one is going, the next is about to be dialled
  StoreTrouble trouble_ = StoreTrouble::kConnection;
  std::string why_broken_;
  std::uint64_t now_ms_ = 0;
  std::uint64_t connect_at_ms_ = 0;  // without a context: when to try again
  std::uint64_t connecting_since_ms_ = 0;
  std::uint64_t redial_at_ms_ = 0;  // 0: no redial
  Backoff backoff_;
  std::minstd_rand random_{std::random_device{}()};
  std::deque<std::uint64_t> sent_ms_;  // of the commands in flight
};

}  // namespace ringgate
