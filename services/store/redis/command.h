// A command for Redis. Plain values, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringgate {

struct RedisCommand {
  std::vector<std::string> words;
  std::size_t key = 1;    // which of the words is the one key that it touches
  std::size_t fence = 0;  // which is the last ms, by the server's clock, at which it may happen
  std::uint64_t deadline_ms = 0;  // the same by CLOCK_MONOTONIC
};

// A script (scripts.h) on one key.
[[nodiscard]] inline RedisCommand redis_eval(const char* script, std::string key,
                                             std::initializer_list<std::string> arguments) {
  RedisCommand command{{"EVAL", script, "1", std::move(key)}, 3};
  command.words.insert(command.words.end(), arguments);
  return command;
}
// One of those that begin with the last ms at which they may happen.
[[nodiscard]] inline RedisCommand redis_eval_by(std::uint64_t deadline_ms, const char* script,
                                                std::string key,
                                                std::initializer_list<std::string> arguments) {
  RedisCommand command{{"EVAL", script, "1", std::move(key), "0"}, 3, 4, deadline_ms};
  command.words.insert(command.words.end(), arguments);
  return command;
}

}  // namespace ringgate
