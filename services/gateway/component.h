// The gateway as a component: its shards, its links to what the registry names, its registration.
//
// What has state of its own is a part of its own (ejections, evacuations, outcomes of logins, the
// history, settings on their way to shards). The rest is one class because it is the order in which
// these begin and end: start, takeover and drain are each a chain of short steps over all of them,
// and every step waits for another part. Metrics and /ready read what all of them say.
#pragma once

#include <atomic>
#include <ctime>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "control/base/loop.h"
#include "control/base/mutex.h"
#include "control/config/config.h"
#include "control/discovery/registry.h"
#include "control/http/refusals.h"
#include "control/links/manager.h"
#include "control/observe/episode.h"
#include "control/routing/selector_set.h"
#include "dataplane/listener.h"
#include "dataplane/shard_group.h"
#include "services/gateway/admin.h"
#include "services/gateway/ejections.h"
#include "services/gateway/leaving/evacuations.h"
#include "services/gateway/link_tls.h"
#include "services/gateway/log/client_log.h"
#include "services/gateway/login_outcomes.h"
#include "services/gateway/options.h"
#include "services/gateway/recorder/pages.h"
#include "services/gateway/settings_on_shards.h"
#include "services/gateway/status/history.h"
#include "services/process/component.h"
#include "services/process/handover/taker.h"
#include "services/process/shards.h"
#include "services/process/tls.h"

namespace ringgate {

class GatewayComponent final : public Component {
 public:
  // `loop` and `taker` outlive this. `taker`: another process has the ports, and goes once this one
  // could serve; null: there is none.
  GatewayComponent(const Config& config, std::unique_ptr<Registry> registry, ControlLoop& loop,
                   handover::Taker* taker);
  ~GatewayComponent() override;

  [[nodiscard]] Result<void> start() override;
  void add_admin_pages(http::Monitor& admin) override;
  void drain(const DrainOrder& order, Drained done) override;
  void hand_over(const DrainOrder& order) override;
  void tick() override;
  [[nodiscard]] bool serving() const override { return accepting_; }
  [[nodiscard]] std::uint64_t connections() const override {
    return sum_of(Gauge::kClients) + sum_of(Gauge::kLinks);
  }
  // All of gateway_reload(config); the rest of it is as it was at start. On an error (of a file
  // that it names) nothing is applied.
  [[nodiscard]] Result<void> reload(const Config& config);
  [[nodiscard]] std::optional<std::string> health() const override;
  [[nodiscard]] std::optional<std::string> ready() const override;
  [[nodiscard]] std::vector<std::string> warnings() const override {
    return certificates_.ending(std::time(nullptr));
  }
  void collect(MetricsSnapshot& metrics) const override;
  [[nodiscard]] std::vector<std::string> websocket_urls() const override;
  [[nodiscard]] std::vector<std::string> listening_at() const override;
  void add_to(handover::Offer& offer) override;
  // Another choice of services, from a reloaded configuration. The loop's thread.
  void use_selectors(std::shared_ptr<const SelectorSet> selectors);

 private:
  void drain_mail();
  void take_mail(std::uint32_t from, MailKind kind, ByteView message);
  void use_certificates(const ListenersTls& listeners, const LinkTls& links);
  [[nodiscard]] Result<void> follow_services();
  [[nodiscard]] std::string service_of(const std::string& name) const;
  void begin_accepting();
  void enter_registry();
  void ask_for_the_ports();
  void go_once_registered(std::chrono::steady_clock::time_point latest);
  [[nodiscard]] bool all_linked() const;
  void count_instances(const std::vector<InstanceStatus>& instances);
  template <class Which>
  [[nodiscard]] std::uint64_t sum_of(Which which) const {
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < shards_->size(); ++i) {
      sum += shards_->shard(i).counters().get(which);
    }
    return sum;
  }

  // ready.cc
  void refresh_ready();
  [[nodiscard]] LoginOutcomes::Seen outcomes_seen() const;
  [[nodiscard]] Episodes::Texts problems(const std::vector<InstanceStatus>& instances);
  [[nodiscard]] std::optional<std::string> login_problem(
      const std::vector<InstanceStatus>& instances) const;
  [[nodiscard]] std::optional<std::string> places_problem() const;

  void watch_proxy_headers();
  void take_sample();
  [[nodiscard]] StatusFacts status_facts() const;
  void collect_transport(Transport transport, MetricsSnapshot& metrics) const;
  void collect_services(MetricsSnapshot& metrics) const;
  void collect_link_tls(MetricsSnapshot& metrics) const;
  void collect_instances(MetricsSnapshot& metrics) const;
  void collect_own_commands(MetricsSnapshot& metrics) const;
  // By the numbers that events have for them.
  [[nodiscard]] std::map<std::uint16_t, std::string> own_command_names() const;
  void take_the_place();
  void leave_files_of(const DrainOrder& order);
  void close_clients();
  [[nodiscard]] std::string what_is_left() const;
  void drained();
  void ended();

  Config config_;
  std::unique_ptr<Registry> registry_;
  ControlLoop& loop_;
  handover::Taker* const taker_;
  GatewayOptions options_;
  std::vector<Listener> listeners_;
  CertificateDays certificates_;
  std::unique_ptr<ShardGroup> shards_;
  MailBugs mail_bugs_;
  std::unique_ptr<LinkManager> links_;
  Ejections ejections_;
  LoginOutcomes outcomes_;
  Episodes episodes_;
  ClientLog client_log_;
  std::atomic<std::size_t> drain_pace_;  // of config_, for the monitor's threads
  StatusHistory history_;
  std::unique_ptr<GatewayAdmin> admin_;
  std::unique_ptr<RecorderPages> recorder_pages_;
  std::unique_ptr<Evacuations> evacuations_;
  std::unique_ptr<SettingsOnShards> settings_;
  bool accepting_ = false;
  bool grace_is_over_ = false;  // nothing more is waited for
  bool has_asked_ = false;      // the taker's other process to go
  bool draining_ = false;
  bool closing_ = false;  // and DrainDelay is over
  ControlLoop::TimerId timer_ = 0;
  std::set<std::uint32_t> still_accepting_;  // shards, once it drains
  std::set<std::uint32_t> not_drained_;
  std::set<std::uint32_t> boot_not_ended_;
  Drained drain_done_;
  DrainOrder drain_order_;
  bool drained_whole_ = false;
  http::Refusals long_proxy_headers_;
  std::atomic<bool> started_{false};
  mutable Mutex mutex_;
  bool starting_ ABSL_GUARDED_BY(mutex_) = true;
  bool is_draining_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<std::string> problems_ ABSL_GUARDED_BY(mutex_);
  // By service and state
  std::map<std::pair<std::string, std::string>, int> instances_ ABSL_GUARDED_BY(mutex_);
  std::map<std::pair<std::string, std::string>, int> link_states_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int> ejected_ ABSL_GUARDED_BY(mutex_);  // by service
  // By upstream: the service and the id of an instance.
  std::map<std::uint32_t, std::pair<std::string, std::string>> names_ ABSL_GUARDED_BY(mutex_);
  // Commands that have a series; so many at most, and none is ever taken away.
  mutable std::set<std::string, std::less<>> told_commands_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ringgate
