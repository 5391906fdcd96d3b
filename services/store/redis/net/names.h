// Names of hosts for the store's thread: looked up on other threads (Resolver), answered on its
// own.
//
// Of one thread, which polls fd() and calls turn(). Outlives the connections that ask it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "control/base/mutex.h"
#include "control/base/resolver.h"
#include "control/base/unique_fd.h"

namespace ringgate {

class RedisNames {
 public:
  // 0: no lookup.
  using Ticket = std::uint64_t;

  explicit RedisNames(std::chrono::milliseconds limit);
  ~RedisNames();
  RedisNames(const RedisNames&) = delete;
  RedisNames& operator=(const RedisNames&) = delete;

  // Answered in a later turn, or, for a numeric host, before it returns 0.
  Ticket resolve(const Endpoint& endpoint, Resolver::Callback callback);
  // Who asked is going away.
  void forget(Ticket ticket) { asked_.erase(ticket); }

  [[nodiscard]] int fd() const noexcept { return wake_.get(); }
  void turn();

 private:
  // The helper threads' way in.
  void post(std::function<void()> answer);

  UniqueFd wake_;
  Mutex mutex_;
  std::vector<std::function<void()>> answers_ ABSL_GUARDED_BY(mutex_);
  std::unordered_map<Ticket, Resolver::Callback> asked_;
  Ticket last_ = 0;
  std::unique_ptr<Resolver> resolver_;  // first to go: it posts
};

}  // namespace ringgate
