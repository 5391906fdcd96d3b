// What becomes of the links of a gateway: which service instances there are, which are adult, whom
// to dial and when to give up. It decides; the shards move the bytes.
//
// Control thread only. Shards are told by mail (link_mail.h) and by catalogues, which are
// freed when every shard has acknowledged a newer one.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/backoff.h"
#include "control/base/loop.h"
#include "control/discovery/instance.h"
#include "control/links/link_dialler.h"
#include "control/links/link_mail.h"
#include "control/links/on_shards.h"
#include "control/links/settings.h"
#include "control/routing/catalogue.h"
#include "dataplane/shard_group.h"

namespace ringgate {

struct LinkManagerOptions : LinkSettings {
  std::string gateway_id;
  std::string boot;  // which of its lives the gateway is in; empty: it tells nobody
  std::shared_ptr<const SelectorSet> selectors;  // null: hash for every service
  std::shared_ptr<SSL_CTX> tls;  // for services that are dialled over TLS; null: none is
};

enum class LaneState : std::uint8_t { kWaiting, kDialling, kUp };
[[nodiscard]] std::string_view describe(LaneState state) noexcept;

// An instance as it is known now, for operators.
struct InstanceStatus {
  struct Lane {
    std::uint32_t shard = 0;
    LaneState state = LaneState::kWaiting;
    // Why it could not be dialled, or broke, last time, and when; empty: never. It may be up again.
    std::string last_error;
    std::chrono::system_clock::time_point last_error_at;
  };
  std::uint32_t upstream = 0;
  Instance service;
  bool adult = false;
  bool draining = false;
  std::vector<Lane> lanes;
};

enum class InstanceState : std::uint8_t { kYoung, kAdult, kDraining };
[[nodiscard]] std::string_view describe(InstanceState state) noexcept;  // "young", ...
[[nodiscard]] InstanceState state_of(const InstanceStatus& instance) noexcept;

class LinkManager {
 public:
  // Sends a catalogue to a shard; the gateway's handlers own that message.
  using SendCatalogue = std::function<void(std::uint32_t shard, const Catalogue* catalogue)>;

  LinkManager(ControlLoop& loop, ShardGroup& shards, LinkManagerOptions options,
              SendCatalogue send_catalogue);
  ~LinkManager();
  LinkManager(const LinkManager&) = delete;
  LinkManager& operator=(const LinkManager&) = delete;

  // The current list of a service's instances, complete unless it may be `partial`
  // (Registry::may_be_partial). Those of the first list are adult at once.
  void update(const std::string& name, const std::vector<Instance>& services, bool partial = false);

  // Shards choose by these from the next catalogue on, which is published at once.
  void use_selectors(std::shared_ptr<const SelectorSet> selectors);

  // For links that are dialled from now on.
  void use_tls(std::shared_ptr<SSL_CTX> context);
  // Any thread.
  [[nodiscard]] const LinkTlsCounts& tls_counts() const noexcept { return tls_counts_; }

  // Of the instances that are drained from now on.
  void use_drain_time(std::chrono::milliseconds time) { options_.drain_time = time; }

  // Mail from shards.
  void link_closed(const LinkEvent& event);
  void link_seen(const LinkEvent& event);
  void upstream_drained(std::uint32_t shard, std::uint32_t upstream);
  void catalogue_taken(std::uint32_t shard, std::uint64_t version);

  // Whether every shard knows of a link to the same instance of that service, so that whatever
  // client asks is served.
  [[nodiscard]] bool connected(const std::string& name) const;
  // A sentence that names the instances whose shard has no place for their link, or nothing.
  [[nodiscard]] std::optional<std::string> refused() const;
  // Of an instance; empty: it is not known, or not any more.
  [[nodiscard]] std::string id_of(std::uint32_t upstream) const;
  // Every known instance, sorted by service name and id.
  [[nodiscard]] std::vector<InstanceStatus> instances() const;
  // Null until the registry has answered once.
  [[nodiscard]] const Catalogue* catalogue() const { return catalogues_.newest(); }
  // Called when what connected() and instances() say may have changed.
  void on_change(std::function<void()> callback) { on_change_ = std::move(callback); }
  // No more dialling; links stay until the shards end.
  void stop();

 private:
  struct Lane {
    LaneState state = LaneState::kWaiting;
    std::uint32_t shard = 0;
    std::uint32_t epoch = 0;   // of the link that is up
    std::size_t not_seen = 0;  // shards that have not said yet that they can use it
    Backoff backoff;
    std::chrono::steady_clock::time_point dialled_at;
    LinkDialler::DialId dial = 0;
    ControlLoop::TimerId timer = 0;
    bool refused = false;  // its shard has no place for it, which the log has been told
    // The last link ended as soon as it was up, which the log has been told, and so may the next.
    bool ends_soon = false;
    std::string last_error;
    std::chrono::system_clock::time_point last_error_at;

    void failed(std::string_view why);
  };
  struct Target {
    std::uint32_t upstream = 0;
    Instance service;
    bool adult = false;
    bool draining = false;
    ControlLoop::TimerId timer = 0;  // growing up, or the end of draining
    std::set<std::uint32_t> not_drained;
    std::vector<Lane> lanes;
    // Why it cannot be reached, as the log was told: once for all lanes. Empty: one of them is up.
    std::string complained_of;
  };

  void apply(const std::string& name, const std::vector<Instance>& services, bool at_start);
  [[nodiscard]] bool hold(const std::string& name);
  [[nodiscard]] std::vector<Instance> with_held(const std::string& name,
                                                const std::vector<Instance>& services);
  void begin_hold(const std::string& name);
  void end_hold(const std::string& name);
  void add(const Instance& service, bool adult);
  void begin_drain(Target& target);
  void retire(std::uint32_t upstream);
  void dial(std::uint32_t upstream, std::uint32_t lane);
  void dialled(std::uint32_t upstream, std::uint32_t lane, Result<LinkDialler::Link> link);
  void not_dialled(Target& target, std::uint32_t lane, const Error& error);
  void dial_waiting(Target& target);
  void redial_later(Target& target, std::uint32_t lane);
  void tell_up(const Target& target, const Lane& lane) const;
  void tell_down(const Target& target, const Lane& lane, bool is_told) const;
  void lasted(std::uint32_t upstream, std::uint32_t lane);
  // A link that breaks this soon was refused, not lost: its backoff goes on growing.
  static constexpr std::chrono::seconds kShortLived{1};
  static void tell_refused(const Target& target, Lane& lane);
  [[nodiscard]] std::string greeting(const Target& target, std::uint32_t lane) const;
  void publish();
  void changed();
  [[nodiscard]] Target* find(std::uint32_t upstream);
  [[nodiscard]] Lane* lane_of(const LinkEvent& event);

  ControlLoop& loop_;
  ShardGroup& shards_;
  LinkManagerOptions options_;
  SendCatalogue send_catalogue_;
  std::function<void()> on_change_;
  LinkTlsCounts tls_counts_;
  LinkDialler dialler_;
  std::minstd_rand random_{std::random_device{}()};
  bool stopped_ = false;
  std::uint32_t next_upstream_ = 1;
  std::uint32_t next_epoch_ = 1;
  std::set<std::string> known_names_;
  // A service whose list was empty, or may have been partial, which is not believed, and what has
  // come back since.
  struct Hold {
    ControlLoop::TimerId timer = 0;
    std::vector<Instance> last;
  };
  std::map<std::string, Hold> holds_;        // by name
  std::map<std::uint32_t, Target> targets_;  // by upstream
  OnShards<Catalogue, Taken::kReads> catalogues_;
};

}  // namespace ringgate
