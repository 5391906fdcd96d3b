#include "control/base/resolver.h"

#include <netdb.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "control/base/mutex.h"
#include "control/base/thread.h"

namespace ringgate {
namespace {

using SteadyClock = std::chrono::steady_clock;

struct Request {
  Endpoint endpoint;
  Resolver::Callback callback;  // Empty once it has been answered.
  SteadyClock::time_point deadline;
};

}  // namespace

// Workers share it, since one that is stuck in a lookup may outlive the resolver.
struct Resolver::State {
  Post post;
  std::chrono::milliseconds limit{};
  Lookup lookup;

  Mutex mutex;
  ConditionVariable work;  // There is something in waiting, or it is over.
  ConditionVariable time;  // There is a new deadline, or it is over.
  std::deque<std::shared_ptr<Request>> waiting ABSL_GUARDED_BY(mutex);  // For a worker.
  std::deque<std::shared_ptr<Request>> deadlines
      ABSL_GUARDED_BY(mutex);  // In order: the limit is the same for all.
  std::size_t workers ABSL_GUARDED_BY(mutex) = 0;
  std::size_t idle_workers ABSL_GUARDED_BY(mutex) = 0;
  bool over ABSL_GUARDED_BY(mutex) = false;
  std::thread watch;

  // Under the mutex, so that nothing is posted once the destructor has set `over`.
  void answer(Request& request, Answer answer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (over || !request.callback) return;
    post([callback = std::exchange(request.callback, nullptr),
          result = std::move(answer)]() mutable { callback(std::move(result)); });
  }
  void run_worker();
  void run_watch();
  // One more, if one is missing; an error when there is none at all.
  Result<void> add_worker(const std::shared_ptr<State>& self) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
};

void Resolver::State::run_worker() {
  MutexLock lock(mutex);
  for (;;) {
    ++idle_workers;
    while (!over && waiting.empty()) work.wait(lock);
    --idle_workers;
    if (over) return;
    const std::shared_ptr<Request> request = std::move(waiting.front());
    waiting.pop_front();
    if (!request->callback) continue;  // It took too long to get here.
    lock.unlock();
    Answer found = lookup(request->endpoint);
    lock.lock();
    answer(*request, std::move(found));
  }
}

// Detached: getaddrinfo cannot be interrupted, and nobody should wait for it at the end.
Result<void> Resolver::State::add_worker(const std::shared_ptr<State>& self) {
  if (waiting.size() <= idle_workers || workers >= kMaxWorkers) return {};
  try {
    start_thread("resolver", [self] { self->run_worker(); }).detach();
  } catch (const std::system_error& failure) {
    if (workers == 0) return run_error("{}", failure.what());
    return {};  // those that there are come to it
  }
  ++workers;
  return {};
}

void Resolver::State::run_watch() {
  MutexLock lock(mutex);
  while (!over) {
    while (!deadlines.empty() && !deadlines.front()->callback) deadlines.pop_front();
    if (deadlines.empty()) {
      time.wait(lock);
      continue;
    }
    const std::shared_ptr<Request> next = deadlines.front();
    if (SteadyClock::now() < next->deadline) {
      time.wait_until(lock, next->deadline);
      continue;
    }
    answer(*next, run_error("{}: no answer from the name service within {} ms; check DNS",
                            next->endpoint.host, limit.count()));
  }
}

Resolver::Resolver(Post post, std::chrono::milliseconds limit)
    : Resolver(std::move(post), limit, lookup_name) {}

Resolver::Resolver(Post post, std::chrono::milliseconds limit, Lookup lookup)
    : state_(std::make_shared<State>()) {
  state_->post = std::move(post);
  state_->limit = limit;
  state_->lookup = std::move(lookup);
  state_->watch = start_thread("resolver-watch", [state = state_.get()] { state->run_watch(); });
}

Resolver::~Resolver() {
  {
    const MutexLock lock(state_->mutex);
    state_->over = true;
    state_->waiting.clear();
    state_->deadlines.clear();
  }
  state_->work.notify_all();
  state_->time.notify_all();
  state_->watch.join();
}

void Resolver::resolve(const Endpoint& endpoint, Callback callback) {
  if (auto address = numeric_address(endpoint)) {
    callback(std::vector<SocketAddress>{*address});
    return;
  }
  MutexLock lock(state_->mutex);
  if (state_->waiting.size() >= kMaxQueued) {
    lock.unlock();
    callback(run_error("{}: {} names are waiting for the name service already; check DNS",
                       endpoint.host, kMaxQueued));
    return;
  }
  auto request = std::make_shared<Request>(
      Request{endpoint, std::move(callback), SteadyClock::now() + state_->limit});
  state_->waiting.push_back(request);
  if (Result<void> added = state_->add_worker(state_); !added) {
    state_->waiting.pop_back();
    lock.unlock();
    request->callback(run_error("cannot resolve {}: {}", endpoint.host, added.error().message));
    return;
  }
  state_->deadlines.push_back(std::move(request));
  lock.unlock();
  state_->work.notify_one();
  state_->time.notify_one();
}

Resolver::Answer lookup_name(const Endpoint& endpoint) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(endpoint.port);
  const int failed = getaddrinfo(endpoint.host.c_str(), port.c_str(), &hints, &found);
  if (failed != 0) {
    return run_error("cannot resolve {}: {}", endpoint.host,
                     failed == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(failed));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, freeaddrinfo);
  std::vector<SocketAddress> addresses;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    SocketAddress address;
    if (at->ai_addrlen > sizeof address.storage) continue;
    std::memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
    address.length = at->ai_addrlen;
    addresses.push_back(address);
  }
  if (addresses.empty()) return run_error("cannot resolve {}: it has no address", endpoint.host);
  return addresses;
}

}  // namespace ringgate
