// What an answer of Redis may be: hiredis makes its objects through this, and refuses what this
// refuses. It believes that whoever answers is a Redis: an answer too many ends the process, and
// an array is made as long as its first line says.
//
// Of the connection's thread; it has to outlive the reader that it watches, one at a time.
#pragma once

#include <hiredis/hiredis.h>

#include <cstddef>
#include <functional>
#include <string>

namespace ringgate {

class RedisAnswerBounds {
 public:
  // As many as a lookup's request has room for accounts.
  static constexpr std::size_t kMaxElements = 65'536;
  static constexpr std::size_t kMaxBytes = std::size_t{16} << 20U;

  // `is_awaited`: a command is without its answer.
  explicit RedisAnswerBounds(std::function<bool()> is_awaited);
  RedisAnswerBounds(const RedisAnswerBounds&) = delete;
  RedisAnswerBounds& operator=(const RedisAnswerBounds&) = delete;

  // Of a new connection, which has read nothing yet.
  void watch(redisReader& reader);
  // After each read: true when what has come of an answer is more than an answer may have.
  [[nodiscard]] bool is_over(const redisReader& reader);
  // Why an answer was refused; empty if none was.
  [[nodiscard]] const std::string& refusal() const noexcept { return refusal_; }

 private:
  [[nodiscard]] static RedisAnswerBounds& of(const redisReadTask* task);
  // False: refused.
  [[nodiscard]] bool take(const redisReadTask& task, std::size_t elements, std::size_t bytes);
  bool refuse(std::string why);
  bool refuse_bytes();

  const std::function<bool()> is_awaited_;
  redisReplyObjectFunctions hiredis_{};  // what the reader came with
  redisReplyObjectFunctions own_{};
  std::size_t elements_ = 0;  // of the answer that is being read
  std::size_t bytes_ = 0;
  std::string refusal_;
};

}  // namespace ringgate
