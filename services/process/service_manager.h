// What systemd, or whoever else started us with NOTIFY_SOCKET, is told: sd_notify(3)'s protocol,
// one datagram for each message. Without the variable nothing is said.
//
//   READY=1      the process serves: its ports are open, its shards turn. Not that /ready is 200: a
//                gateway may wait for its services, and is not started anew for that
//   STATUS=      connections, and what /ready says
//   WATCHDOG=1   only while /health is 200, from the control thread: so it turns, too
//   RELOADING=1  at SIGHUP, and READY=1 when the reload is done or refused
//   STOPPING=1   when a drain begins, with the time that it may take
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "control/base/loop.h"
#include "control/base/unique_fd.h"

namespace ringgate {

// From the environment, which then has it no more: a child is not to speak for us.
struct ManagerEnvironment {
  std::string socket;                     // a path, or '@' and an abstract name; empty: nobody
  std::chrono::microseconds watchdog{0};  // feed it at least so often; 0: there is none

  // Before any thread is started.
  static ManagerEnvironment take();
};

// Owned by the control thread. Never waits: what the socket does not take now is said later.
class ServiceManager {
 public:
  // All of them are asked on the loop's thread.
  struct Probes {
    std::function<bool()> serving;                       // its ports are open
    std::function<std::optional<std::string>()> health;  // as /health
    std::function<std::string()> status;                 // may have several lines
  };

  // `loop` outlives this, and does not run any more when this ends.
  ServiceManager(ControlLoop& loop, ManagerEnvironment environment);

  // Once: from now on it is told how the process is.
  void start(Probes probes);
  void reloading();
  void reloaded(bool good);
  // The process will have ended within `time`.
  void stopping(std::chrono::milliseconds time);

 private:
  void turn();
  void tell_status(std::chrono::steady_clock::time_point now);
  void say(std::string_view line);
  void send();
  [[nodiscard]] bool send_now(std::string_view message);

  ControlLoop& loop_;
  ManagerEnvironment environment_;
  UniqueFd socket_;
  Probes probes_;
  std::string unsent_;  // lines, in their order
  std::string status_;  // as it was told last
  std::chrono::steady_clock::time_point status_due_;
  bool ready_ = false;
  bool reloading_ = false;
  bool refused_ = false;  // the last reload was
  bool is_told_ = false;  // that nothing can be said
};

}  // namespace ringgate
