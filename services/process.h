// A serving process: the control loop on the main thread, signals, the log, the monitor port, and
// its components.
//
//   SIGTERM, SIGINT  drain and exit 0; a second one exits at once
//   SIGHUP           calls on_reload, never ends the process
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/config.h"
#include "control/loop.h"
#include "control/monitor.h"
#include "services/component.h"

namespace ringgate {

class Process {
 public:
  // Blocks the signals, so it comes before any thread is started; starts the log.
  static Result<std::unique_ptr<Process>> create(const Config& config);
  ~Process();

  [[nodiscard]] ControlLoop& loop() noexcept { return *loop_; }
  // Started in this order, drained in the reverse one.
  void add(std::unique_ptr<Component> component) { components_.push_back(std::move(component)); }
  void on_reload(std::function<void()> reload) { reload_ = std::move(reload); }

  // Starts everything and serves until it is told to end.
  [[nodiscard]] Result<void> run();

 private:
  explicit Process(const Config& config);
  [[nodiscard]] Result<void> start_monitor();
  [[nodiscard]] Result<void> watch_signals();
  void on_signal();
  void drain_next();
  void tick();
  [[nodiscard]] std::optional<std::string> first_problem(
      std::optional<std::string> (Component::*probe)() const) const;

  Config config_;
  std::unique_ptr<ControlLoop> loop_;
  UniqueFd signals_;
  std::vector<std::unique_ptr<Component>> components_;
  std::size_t left_to_drain_ = 0;
  bool draining_ = false;
  std::function<void()> reload_;
  std::unique_ptr<Monitor> monitor_;  // last: its threads read the components
};

// What serving commands print on stdout, at once, for people and scripts: "listening tcp
// HOST:PORT".
void announce(const std::string& line);

}  // namespace ringgate
