#include "control/base/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "dataplane/shortage.h"

namespace ringgate {
namespace {

// Short, so that what a lost wake-up was to tell (of post(), of a mailbox) is seen all the same.
constexpr int kMaxWaitMs = 100;
constexpr int kSoonMs = 1;
// A turn that begins later than this was due is a stall: the process was stopped, or its machine.
constexpr std::chrono::milliseconds kStall{1000};
// For so long after one timers wait, while what has arrived is read and the shards catch up.
constexpr std::chrono::milliseconds kRest{200};

std::uint32_t events_of(ControlLoop::Until until) {
  switch (until) {
    case ControlLoop::Until::kReadable:
      return EPOLLIN;
    case ControlLoop::Until::kWritable:
      return EPOLLOUT;
    case ControlLoop::Until::kEither:
      break;
  }
  return EPOLLIN | EPOLLOUT;
}

}  // namespace

ControlLoop::ControlLoop(UniqueFd epoll, UniqueFd wake)
    : epoll_(std::move(epoll)), wake_(std::move(wake)) {
  watch(wake_.get(), Until::kReadable, [this] {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t bytes = read(wake_.get(), &count, sizeof count);
  });
}

Result<std::unique_ptr<ControlLoop>> ControlLoop::create() {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!epoll || !wake) {
    return run_error("no control loop: {}", why_no_descriptor(errno));
  }
  return std::unique_ptr<ControlLoop>(new ControlLoop(std::move(epoll), std::move(wake)));
}

void ControlLoop::watch(int fd, Until until, Callback ready) {
  const bool known = watches_.contains(fd);
  const std::uint32_t number = next_watch_++;
  watches_[fd] = {number, std::make_shared<Callback>(std::move(ready))};
  epoll_event event{};
  event.events = events_of(until);
  event.data.u64 = (std::uint64_t{number} << 32) | static_cast<std::uint32_t>(fd);
  epoll_ctl(epoll_.get(), known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
}

void ControlLoop::unwatch(int fd) {
  if (watches_.erase(fd) > 0) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

ControlLoop::TimerId ControlLoop::after(std::chrono::milliseconds delay, Callback due) {
  const TimerId id = next_timer_++;
  const SteadyClock::time_point at = SteadyClock::now() + delay;
  timers_.emplace(std::pair(at, id), std::move(due));
  due_.emplace(id, at);
  return id;
}

void ControlLoop::cancel(TimerId timer) {
  const auto found = due_.find(timer);
  if (found == due_.end()) return;
  timers_.erase({found->second, timer});
  due_.erase(found);
}

void ControlLoop::post(Callback callback) {
  {
    const MutexLock lock(mutex_);
    posted_.push_back(std::move(callback));
  }
  const std::uint64_t one = 1;
  // Should it fail, the callback's turn comes within kMaxWaitMs.
  [[maybe_unused]] const ssize_t bytes = write(wake_.get(), &one, sizeof one);
}

void ControlLoop::stop() {
  post([this] { stopped_ = true; });
}

void ControlLoop::run() {
  while (!stopped_) turn();
}

void ControlLoop::turn() {
  std::array<epoll_event, 64> events;
  const int count =
      epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_ms());
  notice_stall();  // while it waited
  for (int i = 0; i < count; ++i) {
    const std::uint64_t event = events[static_cast<std::size_t>(i)].data.u64;
    const auto found = watches_.find(static_cast<int>(event & 0xFFFFFFFF));
    // A callback of this turn may have ended the watch, and begun another of the same fd.
    if (found == watches_.end() || found->second.number != event >> 32) continue;
    const std::shared_ptr<Callback> ready = found->second.ready;
    (*ready)();
  }
  run_posted();
  run_timers();
  flush_again_ = false;
  for (const auto& flush : flushes_) flush_again_ = flush() || flush_again_;
}

void ControlLoop::notice_stall() {
  const SteadyClock::time_point now = SteadyClock::now();
  if (now - last_turn_ > std::chrono::milliseconds(kMaxWaitMs) + kStall) rest_until_ = now + kRest;
  last_turn_ = now;
}

int ControlLoop::wait_ms() const {
  if (flush_again_) return kSoonMs;
  if (timers_.empty()) return kMaxWaitMs;
  const SteadyClock::time_point due = std::max(timers_.begin()->first.first, rest_until_);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - SteadyClock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, kMaxWaitMs));
}

void ControlLoop::run_posted() {
  std::vector<Callback> posted;
  {
    const MutexLock lock(mutex_);
    posted.swap(posted_);
  }
  for (const Callback& callback : posted) callback();
}

void ControlLoop::run_timers() {
  notice_stall();  // in a callback
  const SteadyClock::time_point now = SteadyClock::now();
  if (now < rest_until_) return;
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    const auto first = timers_.begin();
    const Callback due = std::move(first->second);
    due_.erase(first->first.second);
    timers_.erase(first);
    due();
  }
}

}  // namespace ringgate
