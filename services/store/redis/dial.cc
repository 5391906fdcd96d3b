// RedisConnection: from an address to a server that has let us in.
#include <hiredis/hiredis.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "control/base/dial_order.h"
#include "dataplane/clock.h"
#include "services/store/redis/connection.h"

namespace ringgate {

void RedisConnection::dial() {
  address_ = addresses_[failed_dials_ % addresses_.size()];
  dialling_since_ms_ = now_ms_;
  state_ = State::kLookingUp;
  if (!address_.socket_path.empty()) return on_socket(RedisSocket::dial_unix(address_.socket_path));
  const RedisNames::Ticket ticket =
      shared_.names.resolve(address_.endpoint, [this](Resolver::Answer found) {
        lookup_ = 0;
        on_found(std::move(found));
      });
  if (state_ == State::kLookingUp) lookup_ = ticket;
}

void RedisConnection::on_found(Resolver::Answer found) {
  if (!found) return drop(StoreTrouble::kConnection, found.error().message);
  const std::vector<SocketAddress> order = dial_order(std::move(*found));
  const std::size_t turn = failed_dials_ / addresses_.size();
  const bool has_tls = address_.access.has_tls;
  if (has_tls && !shared_.options.tls) return drop(StoreTrouble::kOther, "TLS is not set up");
  on_socket(RedisSocket::dial(order[turn % order.size()],
                              has_tls ? shared_.options.tls.get() : nullptr, address_.endpoint));
}

void RedisConnection::on_socket(Result<RedisSocket> socket) {
  if (!socket) return drop(StoreTrouble::kConnection, socket.error().message);
  state_ = State::kDialling;
  socket_ = std::make_unique<RedisSocket>(std::move(*socket));
  reader_.reset(redisReaderCreate());
  bounds_.watch(*reader_);
}

// Who we are, which data, and what time it is there. In order, so the last answer lets us in.
void RedisConnection::greet() {
  state_ = State::kGreeting;
  const RedisAccess& access = address_.access;
  std::vector<std::vector<std::string>> greeting;
  if (!access.password.empty() && access.user.empty())
    greeting.push_back({"AUTH", access.password});
  if (!access.user.empty()) greeting.push_back({"AUTH", access.user, access.password});
  if (access.db != 0) greeting.push_back({"SELECT", std::to_string(access.db)});
  for (std::size_t i = 0; i < greeting.size(); ++i) {
    greet_with(std::move(greeting[i]), greeting.size() - i - 1);
  }
  if (greeting.empty()) let_in();
}

void RedisConnection::greet_with(std::vector<std::string> words, std::size_t left) {
  post({std::move(words)}, [this, left](const redisReply* reply) {
    if (reply == nullptr || wrong_) return;
    if (reply->type == REDIS_REPLY_ERROR) {
      const std::string_view error(reply->str, reply->len);
      wrong_.emplace(trouble_of(error), error);
    } else if (left == 0) {
      let_in();
    }
  });
}

void RedisConnection::let_in() {
  state_ = State::kReady;
  if (shared_.traffic != nullptr) shared_.traffic->connected();
  if (events_.connected) events_.connected();
}

// The server read its clock before its answer was here: what it was then, it is now at least. One
// that does not say it (a user without the right to ask) gets commands without a fence.
void RedisConnection::ask_clock() {
  const bool sent = send({{"TIME"}}, [this](const redisReply* reply) {
    server_clock_ms_.reset();
    if (reply == nullptr || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) return;
    std::int64_t parts[2] = {};  // s, us
    for (std::size_t i = 0; i < 2; ++i) {
      const redisReply& part = *reply->element[i];
      if (part.type != REDIS_REPLY_STRING) return;
      std::from_chars(part.str, part.str + part.len, parts[i]);
    }
    server_clock_ms_ =
        parts[0] * 1000 + parts[1] / 1000 - static_cast<std::int64_t>(Clock::monotonic_ms());
  });
  static_cast<void>(sent);  // not without a connection, whose time nobody needs
}

}  // namespace ringgate
