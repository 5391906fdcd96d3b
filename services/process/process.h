// A serving process: the control loop on the main thread, signals, the log, the monitor and admin
// ports, and its components.
//
//   SIGTERM, SIGINT  drain and exit 0; one that comes a second later exits at once, 1
//   SIGHUP           opens the log's file anew and calls on_reload, never ends the process
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/loop.h"
#include "control/config/config.h"
#include "control/http/monitor.h"
#include "services/process/component.h"
#include "services/process/files.h"
#include "services/process/handover/giver.h"
#include "services/process/handover/taker.h"
#include "services/process/process_metrics.h"
#include "services/process/service_manager.h"
#include "services/process/signal_watch.h"
#include "services/process/tls.h"

namespace ringgate {

enum class ProcessMode : std::uint8_t {
  kServing,
  // The admin pages are on the monitor's address and port, whatever these are (port 0 takes a free
  // one), and give out tokens signed with Config::app_secret.
  kDevelopment,
};

// What a process itself takes of a new configuration, all of it; its components take theirs.
struct ProcessSettings {
  std::chrono::milliseconds drain_delay;
  std::chrono::milliseconds drain_time;
  LogLevel log_level;
  LogFormat log_format;
  std::string admin_token;

  bool operator==(const ProcessSettings&) const = default;
};
[[nodiscard]] ProcessSettings process_settings(const Config& config);

class Process {
 public:
  // Blocks the signals, so it comes before any thread is started; starts the log; takes the monitor
  // and admin ports, which answer from run() on.
  // `taker`: where another process has these ports, it gives them; it outlives this.
  static Result<std::unique_ptr<Process>> create(const Config& config,
                                                 ProcessMode mode = ProcessMode::kServing,
                                                 handover::Taker* taker = nullptr);
  ~Process();

  [[nodiscard]] ControlLoop& loop() noexcept { return *loop_; }
  // Started in this order, drained in the reverse one.
  void add(std::unique_ptr<Component> component) { components_.push_back(std::move(component)); }
  void on_reload(std::function<void()> reload) { reload_ = std::move(reload); }
  // One is done, or was refused.
  void note_reload(bool good);
  // What a reload changes.
  void use(const ProcessSettings& settings);
  // New certificates of its ports, if they speak TLS.
  void use_tls(PortsTls tls);
  // The address of a page of its ports on that host and port.
  [[nodiscard]] std::string port_url(const Endpoint& at, std::string_view path) const;
  // Where a browser on this machine finds the admin pages; 0 and an empty host: nowhere.
  [[nodiscard]] Endpoint admin_endpoint() const;

  // Starts everything and serves until it is told to end.
  [[nodiscard]] Result<void> run();

 private:
  Process(const Config& config, ProcessMode mode, handover::Taker* taker);
  [[nodiscard]] Result<void> take_ports();
  [[nodiscard]] Result<std::unique_ptr<http::Monitor>> take_port(const std::string& address,
                                                                 std::uint16_t port,
                                                                 const std::string& key);
  void add_pages();
  void serve_ports();
  void offer_ports();
  [[nodiscard]] handover::Offer offer() const;
  void hand_over(handover::Going going);
  [[nodiscard]] http::Reply ask_to_drain(const http::Request& request);
  [[nodiscard]] Result<void> watch_signals();
  void begin_drain(std::string_view why, DrainOrder order = {});
  void drain_next();
  void tick();
  void tell_manager();
  void collect(MetricsSnapshot& metrics) const;
  // For what is still to be written at the end.
  [[nodiscard]] std::chrono::milliseconds patience() const;
  // A line for each thing that is wrong.
  [[nodiscard]] std::optional<std::string> problems(std::optional<std::string> (Component::*probe)()
                                                        const) const;
  [[nodiscard]] std::optional<std::string> ready() const;
  [[nodiscard]] std::vector<std::string> warnings() const;
  [[nodiscard]] std::vector<std::string> websocket_urls() const;

  Config config_;
  ProcessMode mode_;
  handover::Taker* const taker_;  // may be null
  std::unique_ptr<ControlLoop> loop_;
  std::unique_ptr<SignalWatch> signals_;
  std::unique_ptr<ServiceManager> manager_;
  std::unique_ptr<handover::Giver> giver_;
  std::vector<std::unique_ptr<Component>> components_;
  std::size_t left_to_drain_ = 0;
  std::chrono::steady_clock::time_point end_by_{};  // once it drains
  bool draining_ = false;
  DrainOrder drain_order_;
  bool drained_whole_ = true;
  FileReserve files_;
  CertificateDays certificates_;  // of the monitor and admin ports
  Episodes expired_;              // of these
  std::function<void()> reload_;
  ReloadCounts reloads_;
  // Last: their threads read the components.
  std::unique_ptr<http::Monitor> monitor_;
  std::unique_ptr<http::Monitor> own_admin_;  // Where the admin port is not the monitor's.
  http::Monitor* admin_ = nullptr;
};

}  // namespace ringgate
