#include "services/store/redis/net/names.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

namespace ringgate {

RedisNames::RedisNames(std::chrono::milliseconds limit)
    : wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      resolver_(std::make_unique<Resolver>(
          [this](std::function<void()> answer) { post(std::move(answer)); }, limit)) {}

RedisNames::~RedisNames() = default;

void RedisNames::post(std::function<void()> answer) {
  const MutexLock lock(mutex_);
  answers_.push_back(std::move(answer));
  const std::uint64_t one = 1;
  // One that fails is made up for by the thread's next turn, which comes all the same.
  static_cast<void>(write(wake_.get(), &one, sizeof one) == sizeof one);
}

RedisNames::Ticket RedisNames::resolve(const Endpoint& endpoint, Resolver::Callback callback) {
  if (auto address = numeric_address(endpoint)) {
    callback(std::vector<SocketAddress>{*address});
    return 0;
  }
  const Ticket ticket = ++last_;
  asked_.emplace(ticket, std::move(callback));
  resolver_->resolve(endpoint, [this, ticket](Resolver::Answer found) {
    const auto asked = asked_.find(ticket);
    if (asked == asked_.end()) return;
    const Resolver::Callback answer = std::move(asked->second);
    asked_.erase(asked);
    answer(std::move(found));
  });
  return asked_.contains(ticket) ? ticket : 0;
}

void RedisNames::turn() {
  std::uint64_t count = 0;
  static_cast<void>(read(wake_.get(), &count, sizeof count) == sizeof count);
  std::vector<std::function<void()>> answers;
  {
    const MutexLock lock(mutex_);
    answers.swap(answers_);
  }
  for (const auto& answer : answers) answer();
}

}  // namespace ringgate
