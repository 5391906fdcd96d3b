// The signals of a serving process. They are read on a thread of their own, so that a second wish
// to end is heard whatever the control thread does, and whoever holds up the end.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string_view>
#include <thread>

#include "control/base/error.h"
#include "control/base/loop.h"
#include "control/base/unique_fd.h"
#include "services/process/end_signals.h"

namespace ringgate {

class SignalWatch {
 public:
  // Called on the loop's thread.
  struct Handlers {
    std::function<void(std::string_view name)> end;  // SIGTERM or SIGINT, once
    // SIGHUP; one that comes while another has not begun is the same. So thousands of them leave
    // the loop time for all else.
    std::function<void()> reload;
  };

  // In every thread from now on; before any thread is started. A signal that comes in between is
  // heard by start().
  static void block() noexcept;
  // For a command that turns out to serve nothing: it ends by a signal like any other.
  static void unblock() noexcept;
  // After block(). The loop outlives this.
  static Result<std::unique_ptr<SignalWatch>> start(ControlLoop& loop, Handlers handlers);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  // From now on the process is ending, and ends at once with 1 if this still lives after `limit`.
  void end_within(std::chrono::milliseconds limit);

 private:
  SignalWatch(ControlLoop& loop, Handlers handlers, UniqueFd signals, UniqueFd wake);
  void run();
  void take(int signal);
  [[nodiscard]] int wait_ms() const;

  ControlLoop& loop_;
  Handlers handlers_;
  UniqueFd signals_;
  UniqueFd wake_;
  EndSignals end_signals_;                  // the thread's
  std::atomic<std::int64_t> limit_ns_ = 0;  // of the steady clock; 0: none
  std::atomic<bool> reload_waits_ = false;  // it is posted and has not begun
  std::atomic<bool> stopped_ = false;
  std::thread thread_;
};

}  // namespace ringgate
