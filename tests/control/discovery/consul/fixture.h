// A consul::Registry on a control loop of its own, asked by the test's thread, and what it told.
#pragma once

#include <httplib.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "control/discovery/consul/registry.h"
#include "tests/common/loop_thread.h"
#include "tests/control/discovery/consul/agent.h"

namespace ringgate::test {

// Options with which a test does not wait longer than it has to.
inline consul::Options quick(const std::string& url) {
  consul::Options options;
  options.url = url;
  options.check_interval = std::chrono::seconds(1);
  options.recheck = std::chrono::milliseconds(50);
  options.backoff_min = std::chrono::milliseconds(10);
  options.backoff_max = std::chrono::milliseconds(100);
  options.min_pause = std::chrono::milliseconds(1);
  return options;
}

inline Instance a_service(const std::string& id, const std::string& name = "chat",
                          std::uint16_t port = 8101) {
  Instance service;
  service.id = id;
  service.name = name;
  service.address = "127.0.0.1";
  service.port = port;
  return service;
}

class RegistryUnderTest {
 public:
  explicit RegistryUnderTest(const consul::Options& options) {
    thread_.call(
        [&] { registry_ = std::move(consul::Registry::open(thread_.loop(), options).value()); });
  }
  ~RegistryUnderTest() { close(); }
  RegistryUnderTest(const RegistryUnderTest&) = delete;
  RegistryUnderTest& operator=(const RegistryUnderTest&) = delete;

  [[nodiscard]] LoopThread& thread() { return thread_; }
  template <class Function>
  auto call(Function function) {
    return thread_.call([&] { return function(*registry_); });
  }

  void subscribe(const std::string& name) {
    call([&](Registry& registry) {
      EXPECT_TRUE(registry.subscribe(name, [this, name](const std::vector<Instance>& services) {
        told_[name].push_back(services);
        partial_[name].push_back(registry_->may_be_partial(name));
      }));
    });
  }
  void add(const Instance& service) {
    call([&](Registry& registry) { EXPECT_TRUE(registry.register_service(service)); });
  }
  void remove(const std::string& id) {
    call([&](Registry& registry) { EXPECT_TRUE(registry.deregister(id)); });
  }
  // Destroys the registry, as a process does that ends.
  void close() {
    thread_.call([&] { registry_.reset(); });
  }

  // How often the watcher was called.
  [[nodiscard]] std::size_t times_told(const std::string& name) {
    return thread_.call([&] { return told_[name].size(); });
  }
  // Of each list told, whether it may have been partial.
  [[nodiscard]] std::vector<bool> partial(const std::string& name) {
    return thread_.call([&] { return partial_[name]; });
  }
  [[nodiscard]] std::vector<Instance> last_told(const std::string& name) {
    return thread_.call(
        [&] { return told_[name].empty() ? std::vector<Instance>() : told_[name].back(); });
  }
  [[nodiscard]] std::string problem() {
    return call([](Registry& registry) {
      const std::optional<Error> problem = registry.problem();
      return problem ? problem->message : std::string();
    });
  }

  // Each waits until it is so; false if it does not become so.
  [[nodiscard]] bool comes_to_know(const std::string& name, const std::vector<std::string>& ids) {
    return thread_.eventually([&] {
      if (told_[name].empty()) return false;
      return std::ranges::equal(told_[name].back(), ids, {}, &Instance::id);
    });
  }
  [[nodiscard]] bool comes_to_say(std::string_view text) {
    return thread_.eventually([&] {
      const std::optional<Error> problem = registry_->problem();
      return problem && problem->message.find(text) != std::string::npos;
    });
  }
  [[nodiscard]] bool becomes_registered(const std::string& id) {
    return thread_.eventually([&] { return registry_->is_registered(id); });
  }
  [[nodiscard]] bool becomes_well() {
    return thread_.eventually([&] { return !registry_->problem(); });
  }

 private:
  LoopThread thread_;
  std::unique_ptr<consul::Registry> registry_;
  // The loop's thread alone.
  std::map<std::string, std::vector<std::vector<Instance>>> told_;
  std::map<std::string, std::vector<bool>> partial_;
};

// What a monitor port answers to Consul's check.
class HealthEndpoint {
 public:
  explicit HealthEndpoint(const std::string& identity = {}) {
    server_.Get("/id", [identity](const httplib::Request&, httplib::Response& response) {
      response.set_content(identity, "text/plain");
    });
    server_.Get("/health", [this](const httplib::Request&, httplib::Response& response) {
      response.status = is_well_ ? 200 : 500;
      response.set_content(is_well_ ? "ok" : "no", "text/plain");
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~HealthEndpoint() {
    server_.stop();
    thread_.join();
  }
  HealthEndpoint(const HealthEndpoint&) = delete;
  HealthEndpoint& operator=(const HealthEndpoint&) = delete;

  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(port_) + "/health";
  }
  void be_well(bool is_well) { is_well_ = is_well; }

 private:
  httplib::Server server_;
  int port_ = 0;
  std::atomic<bool> is_well_{true};
  std::thread thread_;
};

// Asks until it is true; false after 20 s.
template <class Condition>
[[nodiscard]] bool becomes_true(Condition&& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace ringgate::test
