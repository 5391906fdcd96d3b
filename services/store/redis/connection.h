// One pipelined connection to a Redis: hiredis makes the bytes of commands and reads those of
// answers; the socket, its times and who is dialled are here.
//
// Owned by one thread, which polls fd() for events() and calls turn(). Commands are answered in
// order; a connection whose oldest command stays without an answer for too long is dropped, and so
// is everything in flight on it; so is one whose answers are none that a Redis gives. Reconnects
// with backoff, which ends when settle() says that what is there works: a server that accepts and
// never answers is asked no more often than one that is gone. Each dial that fails takes the next
// address, and looks its name up again.
#pragma once

#include <hiredis/hiredis.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/backoff.h"
#include "services/store/health.h"
#include "services/store/redis/bounds.h"
#include "services/store/redis/command.h"
#include "services/store/redis/net/names.h"
#include "services/store/redis/net/socket.h"
#include "services/store/redis/options.h"
#include "services/store/redis/traffic.h"
#include "services/store/redis/url.h"

namespace ringgate {

class RedisConnection {
 public:
  // A time that does not come, in ms of CLOCK_MONOTONIC.
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};
  // Null: the connection broke, or the time was up. Valid for the call.
  using OnReply = std::function<void(const redisReply* reply)>;
  // `connected` is called for every new connection, once it has let us in, `broken` when it is no
  // more.
  struct Events {
    std::function<void()> connected;
    std::function<void(StoreTrouble trouble, std::string_view why)> broken;
  };
  // What its owner has for all of them, and outlives them. `traffic` may be null.
  struct Shared {
    const RedisStoreOptions& options;
    RedisNames& names;
    RedisTraffic* traffic;
  };

  // Dials nobody before use().
  RedisConnection(const Shared& shared, Events events);
  ~RedisConnection();
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  // Any of these, in turn. One that is connected to or dialled stays if it is among them.
  void use(std::vector<RedisAddress> addresses);
  // Who is connected to, or dialled; of an empty list nobody.
  [[nodiscard]] const RedisAddress& address() const noexcept { return address_; }

  // False: it has not let us in; `on_reply` is not called.
  [[nodiscard]] bool send(const RedisCommand& command, OnReply on_reply);
  [[nodiscard]] bool is_ready() const noexcept { return state_ == State::kReady; }
  [[nodiscard]] std::size_t in_flight() const noexcept { return sent_.size(); }
  // Asks the server for its time again, by which commands with a fence are sent.
  void ask_clock();

  // The server does what it is asked: no more backoff, and no redial.
  void settle() noexcept;
  // It does not, and another may be at its address by now: after the backoff, a new connection
  // takes the place of this one, which is used until then. No `broken` tells of it.
  void redial_later();
  // At once, and whatever is in flight fails.
  void drop(StoreTrouble trouble, const std::string& why);

  // -1 while there is nothing to poll.
  [[nodiscard]] int fd() const noexcept { return socket_ ? socket_->fd() : -1; }
  [[nodiscard]] short events() const noexcept {
    return socket_ ? socket_->events() : static_cast<short>(0);
  }
  // After each poll, with what it returned for fd().
  void turn(short ready, std::uint64_t now_ms);
  // When turn() is to be called at the latest: ms of CLOCK_MONOTONIC.
  [[nodiscard]] std::uint64_t next_turn_ms() const noexcept;

 private:
  enum class State : std::uint8_t { kWaiting, kLookingUp, kDialling, kGreeting, kReady };
  struct Sent {
    std::uint64_t at_ms;
    std::uint64_t at_ns;
    OnReply on_reply;
  };
  struct FreeReader {
    void operator()(redisReader* reader) const { redisReaderFree(reader); }
  };

  // dial.cc
  void dial();
  void on_found(Resolver::Answer found);
  void on_socket(Result<RedisSocket> socket);
  void greet();
  void greet_with(std::vector<std::string> words, std::size_t left);
  void let_in();

  void post(const RedisCommand& command, OnReply on_reply);
  void take(std::string_view bytes);
  void take_reply(redisReply* reply);
  void redial();
  void forget_all();
  [[nodiscard]] std::string end_of(const std::string& why) const;
  [[nodiscard]] std::uint64_t pause();

  const Shared shared_;
  Events events_;
  std::vector<RedisAddress> addresses_;
  RedisAddress address_;
  State state_ = State::kWaiting;
  RedisAnswerBounds bounds_{[this] { return !sent_.empty(); }};
  std::unique_ptr<redisReader, FreeReader> reader_;
  std::unique_ptr<RedisSocket> socket_;
  std::deque<Sent> sent_;
  bool is_answered_ = false;  // something, on this connection
  RedisNames::Ticket lookup_ = 0;
  std::size_t failed_dials_ = 0;                               // each takes the next address
  std::optional<std::pair<StoreTrouble, std::string>> wrong_;  // while answers are read
  std::optional<std::int64_t> server_clock_ms_;  // what it is ahead of CLOCK_MONOTONIC, at least
  Backoff backoff_;
  std::minstd_rand random_{std::random_device{}()};
  std::uint64_t now_ms_;
  std::uint64_t dial_at_ms_ = 0;
  std::uint64_t dialling_since_ms_ = 0;
  std::uint64_t redial_at_ms_ = 0;  // 0: it need not be
};

}  // namespace ringgate
