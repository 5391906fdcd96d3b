// A real Redis server of the test's own, on a free port, without files.
#pragma once

#include <hiredis/hiredis.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ringgate {

class RedisServer {
 public:
  // With `more` of its own arguments, which come first: a file may be among them.
  explicit RedisServer(std::vector<std::string> more = {});
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  void start();  // and waits until it answers
  void stop();   // by SIGKILL: what it knew is gone
  void pause();
  void resume();

  // A command of the test's own; the reply as text, "(nil)" for none.
  std::string ask(const std::vector<std::string>& words);
  long long ask_number(const std::vector<std::string>& words);

 private:
  struct Free {
    void operator()(redisContext* context) const { redisFree(context); }
    void operator()(redisReply* reply) const { freeReplyObject(reply); }
  };
  std::unique_ptr<redisReply, Free> reply_to(const std::vector<std::string>& words);

  std::vector<std::string> more_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
  std::unique_ptr<redisContext, Free> context_;
};

}  // namespace ringgate
