// Who says which servers there are: one of the sentinels, or any server of a cluster. Asked the
// same question all the time, and at once when something hints at a change. One of them that gives
// no answer to it is left for the next.
//
// Of the store's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/store/redis/connection.h"

namespace ringgate {

class RedisGuide {
 public:
  struct Wrong {
    StoreTrouble trouble;
    std::string why;
  };
  struct Events {
    // Nothing: it is an answer, and has been used. Errors are not shown to it.
    std::function<std::optional<Wrong>(const redisReply& reply)> answered;
    // The one that was asked; another one is next.
    std::function<void(StoreTrouble trouble, std::string_view why)> failed;
    // Until it is asked again, if nothing hints at a change.
    std::function<std::uint64_t()> pause_ms;
  };

  RedisGuide(const RedisConnection::Shared& shared, RedisCommand question, Events events);

  // Any of these.
  void use(std::vector<RedisAddress> addresses) { connection_.use(std::move(addresses)); }
  [[nodiscard]] const RedisAddress& address() const noexcept { return connection_.address(); }
  void ask_soon() noexcept { ask_at_ms_ = 0; }

  [[nodiscard]] RedisConnection& connection() noexcept { return connection_; }
  // After each turn of the connection.
  void turn(std::uint64_t now_ms);
  // When both are to turn at the latest.
  [[nodiscard]] std::uint64_t next_turn_ms() const noexcept;

 private:
  [[nodiscard]] bool may_ask() const noexcept { return connection_.is_ready() && !is_asked_; }
  [[nodiscard]] std::uint64_t ask_at_ms() const noexcept;
  void on_reply(const redisReply& reply);

  const RedisCommand question_;
  const Events events_;
  bool is_asked_ = false;
  std::uint64_t ask_at_ms_ = 0;
  std::uint64_t asked_ms_ = 0;
  RedisConnection connection_;  // first to go: its callbacks use the rest
};

}  // namespace ringgate
