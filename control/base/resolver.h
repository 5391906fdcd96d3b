// Names to addresses without blocking the control thread: getaddrinfo runs on helper threads, and
// each answer goes through the executor given at construction. resolve() may be called on any
// thread; the resolver must outlive no one but its callers: after its destructor nothing is posted.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "control/base/address.h"
#include "control/base/error.h"

namespace ringgate {

class Resolver {
 public:
  // Has the function run on the thread that wants the answers; called on helper threads.
  using Post = std::function<void(std::function<void()>)>;
  using Answer = Result<std::vector<SocketAddress>>;
  using Callback = std::function<void(Answer)>;
  // What is run on a helper thread; it may block for long. Another one is for tests.
  using Lookup = std::function<Answer(const Endpoint&)>;

  static constexpr std::chrono::milliseconds kLimit{5000};
  static constexpr std::size_t kMaxWorkers = 4;  // Lookups that may be stuck at the same time.
  static constexpr std::size_t kMaxQueued = 1024;

  explicit Resolver(Post post, std::chrono::milliseconds limit = kLimit);
  Resolver(Post post, std::chrono::milliseconds limit, Lookup lookup);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // The callback runs exactly once, within the limit: before resolve() returns if the host is
  // numeric (or the queue is full), through the executor otherwise.
  void resolve(const Endpoint& endpoint, Callback callback);

 private:
  struct State;
  std::shared_ptr<State> state_;  // Shared with workers that are stuck in a lookup at the end.
};

// getaddrinfo for a stream socket; blocks.
Resolver::Answer lookup_name(const Endpoint& endpoint);

}  // namespace ringgate
