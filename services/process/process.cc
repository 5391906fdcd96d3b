#include "services/process/process.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

#include "control/base/address.h"
#include "control/discovery/instance.h"
#include "control/observe/log_event.h"
#include "control/observe/logging.h"
#include "services/process/pages/try_page.h"
#include "services/process/process_metrics.h"
#include "services/process/ring.h"
#include "services/process/shards.h"

namespace ringgate {
namespace {

constexpr std::chrono::milliseconds kTick{1000};
// Of what is to be taken down once all is drained.
constexpr std::chrono::milliseconds kEndLimit{10'000};
// With the last lines, where somebody reads them at all.
constexpr std::chrono::milliseconds kLeastPatience{50};
constexpr std::chrono::milliseconds kMostPatience{500};

// Every connection costs a file of the process or a place in a ring's table, and the limit of both
// is this one; asking for less than is allowed helps nobody.
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

Process::Process(const Config& config, ProcessMode mode, handover::Taker* taker)
    : config_(config), mode_(mode), taker_(taker) {}

Process::~Process() {
  if (signals_ != nullptr) signals_->end_within(kEndLimit);
  if (own_admin_ != nullptr) own_admin_->stop();
  if (monitor_ != nullptr) monitor_->stop();
  components_.clear();
  stop_logging(patience());
}

// DrainTime is that of the whole end: what nobody reads does not come on top of it.
std::chrono::milliseconds Process::patience() const {
  if (!draining_) return kMostPatience;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      end_by_ - std::chrono::steady_clock::now());
  return std::clamp(left, kLeastPatience, kMostPatience);
}

Result<std::unique_ptr<Process>> Process::create(const Config& config, ProcessMode mode,
                                                 handover::Taker* taker) {
  SignalWatch::block();
  std::signal(SIGPIPE, SIG_IGN);
  raise_file_limit();
  std::unique_ptr<Process> process(new Process(config, mode, taker));
  Result<std::unique_ptr<ControlLoop>> loop = ControlLoop::create();
  if (!loop) return std::unexpected(loop.error());
  process->loop_ = std::move(*loop);
  ManagerEnvironment environment = ManagerEnvironment::take();
  const LogSettings log{config.log_level, config.log_format, config.log_file};
  if (Result<void> started = start_logging(config.service_id, log); !started) {
    return std::unexpected(started.error());
  }
  process->manager_ = std::make_unique<ServiceManager>(*process->loop_, std::move(environment));
  for (const std::string& notice : config.notices) {
    log_event(LogEvent::kConfigurationNoticed, {{"notice", notice}}, "configuration: " + notice);
  }
  if (Result<void> taken = process->take_ports(); !taken) return std::unexpected(taken.error());
  return process;
}

Result<void> Process::run() {
  if (Result<void> watched = watch_signals(); !watched) return watched;
  add_pages();
  if (taker_ == nullptr) {
    serve_ports();
  } else {
    taker_->when_gone([this] {
      serve_ports();
      offer_ports();
    });
  }
  for (const auto& component : components_) {
    if (Result<void> started = component->start(); !started) return started;
  }
  if (mode_ == ProcessMode::kServing) {
    giver_ = std::make_unique<handover::Giver>(
        *loop_,
        handover::Giver::Handlers{[this] { return offer(); },
                                  [this](handover::Going going) { hand_over(std::move(going)); }});
  }
  tick();
  tell_manager();
  loop_->run();
  if (taker_ != nullptr) {
    if (const std::optional<Error> failure = taker_->failure()) return std::unexpected(*failure);
  }
  return {};
}

ProcessSettings process_settings(const Config& config) {
  return {config.drain_delay, config.drain_time, config.log_level, config.log_format,
          config.admin_token};
}

void Process::use(const ProcessSettings& settings) {
  config_.drain_delay = settings.drain_delay;
  config_.drain_time = settings.drain_time;
  set_log_level(settings.log_level);
  set_log_format(settings.log_format);
  if (admin_ != nullptr) admin_->require_token(settings.admin_token);
}

// Before anything else, as it can fail without having told anybody: components register themselves.
Result<void> Process::take_ports() {
  Result<PortsTls> tls = load_ports_tls(config_);
  if (!tls) return std::unexpected(tls.error());
  const bool development = mode_ == ProcessMode::kDevelopment;
  if (config_.monitor_port != 0 || development) {
    Result<std::unique_ptr<http::Monitor>> monitor = take_port(
        config_.monitor_address, config_.monitor_port, development ? "--admin" : "MonitorPort");
    if (!monitor) return std::unexpected(monitor.error());
    monitor_ = std::move(*monitor);
  }
  const bool shares_monitor = monitor_ != nullptr &&
                              config_.admin_address == config_.monitor_address &&
                              config_.admin_port == monitor_->port();
  if (development || shares_monitor) {
    admin_ = monitor_.get();
  } else if (config_.admin_port != 0) {
    Result<std::unique_ptr<http::Monitor>> admin =
        take_port(config_.admin_address, config_.admin_port, "AdminPort");
    if (!admin) return std::unexpected(admin.error());
    own_admin_ = std::move(*admin);
    admin_ = own_admin_.get();
  }
  use_tls(std::move(*tls));
  return {};
}

Result<std::unique_ptr<http::Monitor>> Process::take_port(const std::string& address,
                                                          std::uint16_t port,
                                                          const std::string& key) {
  if (taker_ != nullptr) {
    for (const std::string& name : http::Monitor::names_of(address, port)) {
      const std::vector<int> sockets = taker_->take(handover::kHttpPort + name);
      if (sockets.empty()) continue;
      return http::Monitor::adopt(UniqueFd(sockets.front()), config_.monitor_bounds);
    }
  }
  return http::Monitor::bind(address, port, key, config_.monitor_bounds);
}

void Process::use_tls(PortsTls tls) {
  certificates_.use(std::move(tls.certificates));
  if (own_admin_ != nullptr) own_admin_->use_tls(tls.context);
  if (monitor_ != nullptr) monitor_->use_tls(std::move(tls.context));
}

std::string Process::port_url(const Endpoint& at, std::string_view path) const {
  return (has_ports_tls(config_) ? "https://" : "http://") + format_endpoint(at) +
         std::string(path);
}

void Process::add_pages() {
  if (monitor_ != nullptr) {
    http::Probes probes;
    probes.health = [this] { return problems(&Component::health); };
    probes.ready = [this] { return ready(); };
    probes.warnings = [this] { return warnings(); };
    probes.metrics = [this](MetricsSnapshot& metrics) { collect(metrics); };
    monitor_->add_probes(std::move(probes));
    monitor_->add_get(kIdentityPath, [id = config_.service_id](const http::Request&) {
      return http::Reply{200, identity_text(id, process_started())};
    });
  }
  if (admin_ != nullptr) {
    TryPageOptions page;
    page.websocket_urls = [this] { return websocket_urls(); };
    if (mode_ == ProcessMode::kDevelopment) page.development_secret = config_.app_secret;
    add_try_page(*admin_, std::move(page));
    admin_->require_token(config_.admin_token);
    admin_->add_post("/drain",
                     [this](const http::Request& request) { return ask_to_drain(request); },
                     {"at", "by"});
    for (const auto& component : components_) component->add_admin_pages(*admin_);
  }
}

void Process::serve_ports() {
  if (monitor_ != nullptr) {
    monitor_->serve();
    announce("monitor " + port_url({config_.monitor_address, monitor_->port()}, ""));
  }
  if (own_admin_ != nullptr) own_admin_->serve();
  if (admin_ != nullptr) {
    announce("admin " + port_url(admin_endpoint(), "/try"));
  }
}

// The monitor's threads.
http::Reply Process::ask_to_drain(const http::Request& request) {
  const auto at = request.query.find("at");
  DrainOrder order;
  if (at != request.query.end()) {
    Result<std::string> where = parse_retry_at(at->second);
    if (!where) return {400, "at: " + where.error().message + "\n"};
    order.at = std::move(*where);
  }
  loop_->post([this, order] { begin_drain("POST /drain", order); });
  return {202, "draining; the process ends with it\n"};
}

// --- Another process takes over -----------------------------------------------------------------

// What is ours alone may be another's next. Some of it may still be a predecessor's.
void Process::offer_ports() {
  if (giver_ == nullptr || draining_ || (taker_ != nullptr && !taker_->is_gone())) return;
  for (const auto& component : components_) giver_->listen(component->listening_at());
}

handover::Offer Process::offer() const {
  handover::Offer offer;
  offer.service_id = config_.service_id;
  offer.gateway_id = config_.gateway_id();
  offer.ready = !ready();
  for (const auto& component : components_) component->add_to(offer);
  for (const http::Monitor* const port : {monitor_.get(), own_admin_.get()}) {
    if (port == nullptr) continue;
    handover::Sockets sockets{handover::kHttpPort + port->bound_name(), {}};
    if (UniqueFd copy = port->copy_socket()) sockets.copies.push_back(std::move(copy));
    offer.sockets.push_back(std::move(sockets));
  }
  return offer;
}

// One that drains already goes on with it.
void Process::hand_over(handover::Going going) {
  if (monitor_ != nullptr) monitor_->leave_port();
  if (own_admin_ != nullptr) own_admin_->leave_port();
  DrainOrder order;
  order.handed_over = true;
  order.same_id = going.service_id == config_.service_id;
  order.taken = std::move(going.taken);
  order.gone = std::move(going.gone);
  const std::string why =
      fmt::format("process {} ({}) takes over", going.process, going.service_id);
  if (!draining_) return begin_drain(why, std::move(order));
  spdlog::info("{}, while this one drains", why);
  drain_order_.handed_over = true;
  for (const auto& component : components_) component->hand_over(order);
}

Result<void> Process::watch_signals() {
  SignalWatch::Handlers handlers;
  handlers.end = [this](std::string_view name) { begin_drain(name); };
  handlers.reload = [this] {
    reopen_log();
    manager_->reloading();
    if (reload_) {
      reload_();
    } else {
      manager_->reloaded(true);
    }
  };
  Result<std::unique_ptr<SignalWatch>> signals = SignalWatch::start(*loop_, std::move(handlers));
  if (!signals) return std::unexpected(signals.error());
  signals_ = std::move(*signals);
  return {};
}

void Process::begin_drain(std::string_view why, DrainOrder order) {
  if (draining_) return;
  drain_order_ = std::move(order);
  log_event(LogEvent::kDraining, {{"why", why}},
            fmt::format("{}: draining; a signal after a second ends at once", why));
  draining_ = true;
  const std::chrono::milliseconds most = config_.drain_delay + config_.drain_time;
  end_by_ = std::chrono::steady_clock::now() + most;
  manager_->stopping(most + kEndLimit);
  if (giver_ != nullptr && !drain_order_.handed_over) giver_->tell_draining();
  left_to_drain_ = components_.size();
  drain_next();
}

void Process::drain_next() {
  if (left_to_drain_ == 0) {
    if (giver_ != nullptr && giver_->has_taker() && !drain_order_.handed_over) {
      for (const auto& component : components_) component->hand_over({.handed_over = true});
    }
    if (drained_whole_) log_event(LogEvent::kDrained, {}, "drained");
    loop_->stop();
    return;
  }
  components_[--left_to_drain_]->drain(drain_order_, [this](bool whole) {
    drained_whole_ = drained_whole_ && whole;
    drain_next();
  });
}

void Process::tick() {
  offer_ports();
  files_.look();
  certificates_.look(std::time(nullptr));
  Episodes::Texts expired;
  certificates_.add_ended(std::time(nullptr), expired);
  expired_.update(expired);
  for (const auto& component : components_) component->tick();
  loop_->after(kTick, [this] { tick(); });
}

void Process::note_reload(bool good) {
  reloads_.note(good);
  manager_->reloaded(good);
}

void Process::tell_manager() {
  ServiceManager::Probes probes;
  probes.serving = [this] {
    return std::ranges::all_of(components_, [](const auto& part) { return part->serving(); });
  };
  probes.health = [this] { return problems(&Component::health); };
  probes.status = [this] {
    std::uint64_t connections = 0;
    for (const auto& component : components_) connections += component->connections();
    return fmt::format("{} connections, {}", connections,
                       draining_ ? "draining" : ready().value_or("ready"));
  };
  manager_->start(std::move(probes));
}

// The monitor's threads.
void Process::collect(MetricsSnapshot& metrics) const {
  for (const auto& component : components_) component->collect(metrics);
  monitor_->collect(metrics, "monitor");
  if (own_admin_ != nullptr) own_admin_->collect(metrics, "admin");
  certificates_.collect(config_.service_id, metrics, "ringgate_http_certificate");
  reloads_.collect(metrics);
  metrics.gauge("ringgate_ready", "1: /ready answers 200; 0: it says what is missing", {},
                ready() ? 0 : 1);
  collect_process(metrics);
}

std::optional<std::string> Process::problems(std::optional<std::string> (Component::*probe)()
                                                 const) const {
  std::optional<std::string> lines;
  for (const auto& component : components_) add_line(lines, (component.get()->*probe)());
  return lines;
}

std::optional<std::string> Process::ready() const {
  std::optional<std::string> lines = problems(&Component::ready);
  add_line(lines, files_.problem());
  return lines;
}

// That a certificate of these ports has expired keeps nobody from logging in: to take every gateway
// out of service for it would make an outage of it.
std::vector<std::string> Process::warnings() const {
  const std::time_t now = std::time(nullptr);
  std::vector<std::string> all = certificates_.ended(now);
  const auto add = [&all](const std::vector<std::string>& lines) {
    for (const std::string& line : lines) {  // listeners may have the same certificate
      if (std::ranges::find(all, line) == all.end()) all.push_back(line);
    }
  };
  add(certificates_.ending(now));
  if (auto ring = ring_warning()) add({std::move(*ring)});
  for (const auto& component : components_) add(component->warnings());
  return all;
}

Endpoint Process::admin_endpoint() const {
  if (admin_ == nullptr) return {};
  const std::string& host = own_admin_ != nullptr ? config_.admin_address : config_.monitor_address;
  const bool is_anywhere = host.empty() || host == "0.0.0.0" || host == "::";
  return {is_anywhere ? "127.0.0.1" : host, admin_->port()};
}

std::vector<std::string> Process::websocket_urls() const {
  std::vector<std::string> all;
  for (const auto& component : components_) {
    for (std::string& url : component->websocket_urls()) all.push_back(std::move(url));
  }
  return all;
}

}  // namespace ringgate
