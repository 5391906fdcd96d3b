// The gateway as a component: its shards, its links to what the registry names, its registration.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "control/config.h"
#include "control/link_manager.h"
#include "control/loop.h"
#include "control/refusals.h"
#include "control/registry.h"
#include "control/selector_set.h"
#include "dataplane/listener.h"
#include "dataplane/shard_group.h"
#include "services/component.h"
#include "services/gateway_admin.h"
#include "services/gateway_options.h"

namespace ringgate {

class GatewayService final : public Component {
 public:
  // `loop` outlives this. `takeover`: listens although another process has the port.
  GatewayService(const Config& config, std::unique_ptr<Registry> registry, ControlLoop& loop,
                 bool takeover);
  ~GatewayService() override;

  [[nodiscard]] Result<void> start() override;
  void add_admin_pages(Monitor& admin) override;
  void drain(std::function<void()> done) override;
  void tick() override;
  // Secrets, origins, selectors and bounds of `config`; the rest of it is as it was at start.
  [[nodiscard]] Result<void> reload(const Config& config);
  [[nodiscard]] std::optional<std::string> health() const override;
  [[nodiscard]] std::optional<std::string> ready() const override;
  void collect(MetricsSnapshot& metrics) const override;
  [[nodiscard]] std::vector<std::string> websocket_urls() const override;
  // Another choice of services, from a reloaded configuration. The loop's thread.
  void use_selectors(std::shared_ptr<const SelectorSet> selectors);

 private:
  void drain_mail();
  void take_mail(std::uint32_t from, MailKind kind, ByteView message);
  [[nodiscard]] Result<void> follow_services();
  [[nodiscard]] std::string service_of(const std::string& name) const;
  void begin_accepting();
  void refresh_ready();
  void watch_proxy_headers();
  void count_instances();
  void collect_transport(Transport transport, MetricsSnapshot& metrics) const;
  void collect_services(MetricsSnapshot& metrics) const;
  void drained();

  Config config_;
  std::unique_ptr<Registry> registry_;
  ControlLoop& loop_;
  bool takeover_;
  GatewayOptions options_;
  std::vector<Listener> listeners_;
  std::unique_ptr<ShardGroup> shards_;
  std::unique_ptr<LinkManager> links_;
  std::unique_ptr<GatewayAdmin> admin_;
  std::vector<std::unique_ptr<const GatewaySettings>>
      settings_;  // of every reload: shards use them
  bool accepting_ = false;
  bool draining_ = false;
  ControlLoop::TimerId timer_ = 0;
  std::set<std::uint32_t> not_drained_;
  std::function<void()> drain_done_;
  Refusals long_proxy_headers_;
  std::atomic<bool> started_{false};
  mutable std::mutex mutex_;
  std::optional<std::string> not_ready_ = "starting";  // under mutex_
  // By service and state, under mutex_.
  std::map<std::pair<std::string, std::string>, int> instances_;
  std::map<std::pair<std::string, std::string>, int> link_states_;
};

}  // namespace ringgate
