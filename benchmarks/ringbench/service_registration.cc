#include "benchmarks/ringbench/service_registration.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "control/base/address.h"
#include "control/base/loop.h"
#include "control/base/thread.h"
#include "control/discovery/consul/registry.h"
#include "control/discovery/file.h"
#include "control/http/monitor.h"

namespace ringgate::bench {
namespace {

constexpr std::chrono::milliseconds kConsulPatience{5'000};
constexpr std::chrono::milliseconds kLookAgain{20};
// More often than a service that stays: gateways only dial what has passed once.
constexpr std::chrono::milliseconds kCheckInterval{1'000};

void log_left_behind(const std::string& id, const Result<void>& gone) {
  if (!gone) spdlog::warn("{} is still registered: {}", id, gone.error().message);
}

// --- A file ----------------------------------------------------------------------------------

class FileRegistration final : public ServiceRegistration {
 public:
  explicit FileRegistration(std::unique_ptr<FileRegistry> registry)
      : registry_(std::move(registry)) {}
  ~FileRegistration() override { leave(); }

  [[nodiscard]] Result<void> enter(const std::vector<Instance>& services) {
    for (const Instance& service : services) {
      if (Result<void> entered = registry_->register_service(service); !entered) return entered;
      ids_.push_back(service.id);
    }
    return {};
  }

  void stop() override { leave(); }

 private:
  void leave() {
    for (const std::string& id : ids_) log_left_behind(id, registry_->deregister(id));
    ids_.clear();
  }

  std::unique_ptr<FileRegistry> registry_;
  std::vector<std::string> ids_;
};

Result<std::unique_ptr<ServiceRegistration>> start_in_file(const std::string& file,
                                                           const std::vector<Instance>& services) {
  Result<std::unique_ptr<FileRegistry>> registry = FileRegistry::open(file, [](const Error&) {});
  if (!registry) return std::unexpected(registry.error());
  auto registration = std::make_unique<FileRegistration>(std::move(*registry));
  if (Result<void> entered = registration->enter(services); !entered) {
    return std::unexpected(entered.error());
  }
  return registration;
}

// --- Consul ----------------------------------------------------------------------------------

class ConsulRegistrations final : public ServiceRegistration {
  // On the loop's thread, which the registry belongs to.
  template <class Function>
  auto call(Function function) {
    std::packaged_task<decltype(function())()> task(std::move(function));
    auto result = task.get_future();
    loop_->post([&task] { task(); });
    return result.get();
  }

 public:
  ConsulRegistrations(std::unique_ptr<http::Monitor> monitor, std::unique_ptr<ControlLoop> loop,
                      std::unique_ptr<consul::Registry> registry, std::string url)
      : monitor_(std::move(monitor)),
        loop_(std::move(loop)),
        registry_(std::move(registry)),
        url_(std::move(url)),
        thread_(start_thread("ringbench-reg", [this] { loop_->run(); })) {}
  ~ConsulRegistrations() override { leave(); }

  [[nodiscard]] Result<void> enter(const std::vector<Instance>& services) {
    for (const Instance& service : services) {
      Result<void> entered = call([&] { return registry_->register_service(service); });
      if (!entered) return entered;
      ids_.push_back(service.id);
    }
    return wait_until_there();
  }

  void stop() override { leave(); }

 private:
  Result<void> wait_until_there() {
    const auto until = std::chrono::steady_clock::now() + kConsulPatience;
    const auto all_there = [this] {
      return std::ranges::all_of(
          ids_, [this](const std::string& id) { return registry_->is_registered(id); });
    };
    while (!call(all_there)) {
      if (std::chrono::steady_clock::now() > until) return no_answer();
      std::this_thread::sleep_for(kLookAgain);
    }
    return {};
  }

  Result<void> no_answer() {
    const std::optional<Error> problem = call([this] { return registry_->problem(); });
    if (problem) return std::unexpected(*problem);
    return fail(
        fmt::format("Consul at {} does not answer; start it, or give another address", url_));
  }

  // The registry's end waits until Consul has heard of it, for a second at most.
  void leave() {
    if (!thread_.joinable()) return;
    call([this] {
      for (const std::string& id : ids_) log_left_behind(id, registry_->deregister(id));
      registry_.reset();
    });
    loop_->stop();
    thread_.join();
    monitor_->stop();
  }

  std::unique_ptr<http::Monitor> monitor_;
  std::unique_ptr<ControlLoop> loop_;
  std::unique_ptr<consul::Registry> registry_;
  const std::string url_;
  std::vector<std::string> ids_;
  std::thread thread_;
};

Result<std::unique_ptr<ServiceRegistration>> start_in_consul(const std::string& url,
                                                             std::vector<Instance> services) {
  consul::Options options;
  Result<std::string> whole_url = consul::parse_url(url);
  if (!whole_url) return std::unexpected(whole_url.error());
  options.url = *whole_url;
  options.check_interval = kCheckInterval;
  const std::string host = services.front().address;
  const auto well = [] { return std::optional<std::string>(); };
  auto monitor = http::Monitor::start(host, 0, {.health = well, .ready = well, .metrics = nullptr});
  if (!monitor) return std::unexpected(monitor.error());
  for (Instance& service : services) {
    service.meta["health_url"] =
        "http://" + format_endpoint({host, (*monitor)->port()}) + "/health";
  }
  auto loop = ControlLoop::create();
  if (!loop) return std::unexpected(loop.error());
  auto registry = consul::Registry::open(**loop, options);
  if (!registry) return std::unexpected(registry.error());
  auto registration = std::make_unique<ConsulRegistrations>(std::move(*monitor), std::move(*loop),
                                                            std::move(*registry), options.url);
  if (Result<void> entered = registration->enter(services); !entered) {
    return std::unexpected(entered.error());
  }
  return registration;
}

}  // namespace

Result<std::unique_ptr<ServiceRegistration>> ServiceRegistration::start(
    const ServiceOptions& options, std::vector<Instance> services) {
  if (options.registry_file.empty() == options.consul_url.empty()) {
    return fail("a played service enters itself into one registry: give either a file or Consul",
                2);
  }
  return options.consul_url.empty() ? start_in_file(options.registry_file, services)
                                    : start_in_consul(options.consul_url, std::move(services));
}

}  // namespace ringgate::bench
