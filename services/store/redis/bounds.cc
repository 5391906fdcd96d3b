#include "services/store/redis/bounds.h"

#include <fmt/format.h>

#include <utility>

namespace ringgate {

RedisAnswerBounds::RedisAnswerBounds(std::function<bool()> is_awaited)
    : is_awaited_(std::move(is_awaited)) {}

// Generic, as an array's length is an int for hiredis 0.14 and a size_t later.
void RedisAnswerBounds::watch(redisReader& reader) {
  elements_ = bytes_ = 0;
  refusal_.clear();
  hiredis_ = own_ = *reader.fn;
  own_.createString = [](const redisReadTask* task, char* text, size_t bytes) -> void* {
    return of(task).take(*task, 1, bytes) ? of(task).hiredis_.createString(task, text, bytes)
                                          : nullptr;
  };
  own_.createArray = [](const redisReadTask* task, auto elements) -> void* {
    return of(task).take(*task, static_cast<std::size_t>(elements), 0)
               ? of(task).hiredis_.createArray(task, elements)
               : nullptr;
  };
  own_.createInteger = [](const redisReadTask* task, long long value) -> void* {
    return of(task).take(*task, 1, 0) ? of(task).hiredis_.createInteger(task, value) : nullptr;
  };
  own_.createNil = [](const redisReadTask* task) -> void* {
    return of(task).take(*task, 1, 0) ? of(task).hiredis_.createNil(task) : nullptr;
  };
#if HIREDIS_MAJOR >= 1
  own_.createDouble = [](const redisReadTask* task, double value, char* text,
                         size_t bytes) -> void* {
    return of(task).take(*task, 1, bytes) ? of(task).hiredis_.createDouble(task, value, text, bytes)
                                          : nullptr;
  };
  own_.createBool = [](const redisReadTask* task, int value) -> void* {
    return of(task).take(*task, 1, 0) ? of(task).hiredis_.createBool(task, value) : nullptr;
  };
#endif
  reader.fn = &own_;
  reader.privdata = this;
}

RedisAnswerBounds& RedisAnswerBounds::of(const redisReadTask* task) {
  return *static_cast<RedisAnswerBounds*>(task->privdata);
}

bool RedisAnswerBounds::take(const redisReadTask& task, std::size_t elements, std::size_t bytes) {
  if (task.parent == nullptr) {
    elements_ = bytes_ = 0;
    // An error is let through: hiredis drops the connection itself, and says what it was.
    if (task.type != REDIS_REPLY_ERROR && !is_awaited_()) {
      return refuse("an answer that nobody asked for");
    }
  }
  if (elements > kMaxElements - elements_) {
    return refuse(fmt::format("an answer of more than {} elements", kMaxElements));
  }
  if (bytes > kMaxBytes - bytes_) return refuse_bytes();
  elements_ += elements;
  bytes_ += bytes;
  return true;
}

// Whole answers have been taken out of it.
bool RedisAnswerBounds::is_over(const redisReader& reader) {
  if (reader.len - reader.pos <= kMaxBytes) return false;
  refuse_bytes();
  return true;
}

bool RedisAnswerBounds::refuse_bytes() {
  return refuse(fmt::format("an answer of more than {} bytes", kMaxBytes));
}

bool RedisAnswerBounds::refuse(std::string why) {
  refusal_ = std::move(why);
  return false;
}

}  // namespace ringgate
