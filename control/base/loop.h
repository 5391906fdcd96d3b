// The loop of the control thread: file descriptors, timers, and functions that other threads post.
// It blocks only in its own wait. Everything but post() and stop() is for its thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "control/base/error.h"
#include "control/base/mutex.h"
#include "control/base/unique_fd.h"

namespace ringgate {

class ControlLoop {
 public:
  using Callback = std::function<void()>;
  using TimerId = std::uint64_t;  // never 0

  static Result<std::unique_ptr<ControlLoop>> create();
  ControlLoop(const ControlLoop&) = delete;
  ControlLoop& operator=(const ControlLoop&) = delete;

  // `ready` is called whenever the fd is readable (or writable), broken or at its end. The fd stays
  // its owner's, who calls unwatch() before closing it. One watch per fd.
  enum class Until : std::uint8_t { kReadable, kWritable, kEither };
  void watch(int fd, Until until, Callback ready);
  void unwatch(int fd);

  // Many timers judge by what has not come. So when the process has stood still (SIGSTOP, a
  // suspended machine) what came meanwhile is read first.
  TimerId after(std::chrono::milliseconds delay, Callback due);
  void cancel(TimerId timer);  // one that has run or was cancelled is no error

  // Called after each turn, before waiting again, at least ten times a second: where mailboxes are
  // read and what was written to them is made visible. True: call again soon.
  void at_turn_end(std::function<bool()> flush) { flushes_.push_back(std::move(flush)); }

  // Any thread.
  void post(Callback callback);
  void stop();

  void run();

 private:
  ControlLoop(UniqueFd epoll, UniqueFd wake);
  void turn();
  void notice_stall();
  [[nodiscard]] int wait_ms() const;
  void run_posted();
  void run_timers();

  struct Watch {
    std::uint32_t number = 0;         // tells its events from those of an earlier watch of the fd
    std::shared_ptr<Callback> ready;  // shared: a callback may unwatch itself
  };
  using SteadyClock = std::chrono::steady_clock;
  UniqueFd epoll_;
  UniqueFd wake_;
  bool stopped_ = false;
  bool flush_again_ = false;
  TimerId next_timer_ = 1;
  std::map<std::pair<SteadyClock::time_point, TimerId>, Callback> timers_;
  std::map<TimerId, SteadyClock::time_point> due_;
  SteadyClock::time_point last_turn_ = SteadyClock::now();
  SteadyClock::time_point rest_until_;  // for timers
  std::uint32_t next_watch_ = 1;
  std::map<int, Watch> watches_;  // by fd
  std::vector<std::function<bool()>> flushes_;
  Mutex mutex_;
  std::vector<Callback> posted_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ringgate
