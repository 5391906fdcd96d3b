// A logic service as a component: its shards, its store, its registration. Which handlers it has is
// given by whoever makes it.
#pragma once

#include <atomic>
#include <ctime>
#include <memory>
#include <optional>
#include <string>

#include "control/base/loop.h"
#include "control/base/mutex.h"
#include "control/config/config.h"
#include "control/discovery/registry.h"
#include "control/observe/episode.h"
#include "dataplane/listener.h"
#include "dataplane/shard_group.h"
#include "services/logic/handshake_log.h"
#include "services/logic/id_wars.h"
#include "services/logic/service.h"
#include "services/process/component.h"
#include "services/process/shards.h"
#include "services/process/tls.h"
#include "services/store/memory.h"
#include "services/store/message_options.h"
#include "services/store/redis/store.h"

namespace ringgate {

struct LogicUse {
  // Without, nobody is told where it listens but the registry: for a service that only the gateway
  // of the same process dials.
  bool announces = true;
  // It is not ready while it has no message ids to give.
  bool gives_message_ids = true;
  // Its handlers may want some: of the few nodes it takes one.
  bool may_give_message_ids = true;
  // It has the handlers of login: gateways of ours tell it which channels they have.
  bool takes_roll_calls = false;
  // Its handlers use Context::messages(); it is not ready while that store does not work.
  bool keeps_messages = false;
};

// As the configuration has it, for a thread that is that extra endpoint.
[[nodiscard]] MessageStoreOptions message_store_options(const Config& config,
                                                        std::uint32_t endpoint);

class LogicComponent final : public Component {
 public:
  // `loop` outlives this.
  LogicComponent(const Config& config, std::unique_ptr<Registry> registry, ControlLoop& loop,
                 FillRouter fill, const LogicUse& use);
  ~LogicComponent() override;

  [[nodiscard]] Result<void> start() override;
  // The store of sessions that it is told of, and the certificates, on the loop's thread. An error
  // changes nothing.
  [[nodiscard]] Result<void> reload(const Config& config);
  void drain(const DrainOrder& order, Drained done) override;
  void tick() override;
  [[nodiscard]] std::uint64_t connections() const override { return links(); }
  [[nodiscard]] std::optional<std::string> health() const override;
  [[nodiscard]] std::optional<std::string> ready() const override;
  [[nodiscard]] std::vector<std::string> warnings() const override {
    return certificates_.ending(std::time(nullptr));
  }
  void collect(MetricsSnapshot& metrics) const override;

 private:
  // How shards get at the stores, whose threads start with start_stores().
  [[nodiscard]] Result<MakeSessions> make_sessions(std::uint32_t shards);
  [[nodiscard]] Result<MakeMessages> make_messages(std::uint32_t shards, std::uint32_t endpoint);
  [[nodiscard]] Result<void> start_stores();
  [[nodiscard]] Result<void> start_shards(const ShardGroupOptions& options);
  [[nodiscard]] LogicOptions logic_options() const;
  void use_tls(ListenersTls tls);
  void end();
  void wait_for_links();
  void read_mail_of_shards();
  void collect_stores(MetricsSnapshot& metrics) const;
  [[nodiscard]] Episodes::Texts problems() const;
  [[nodiscard]] std::uint64_t links() const;

  Config config_;
  std::unique_ptr<Registry> registry_;
  ControlLoop& loop_;
  FillRouter fill_;
  LogicUse use_;
  std::vector<Listener> listeners_;
  CertificateDays certificates_;
  // What their clients, in the shards, go before. Sessions are in one of the two.
  std::unique_ptr<MemorySessions> memory_;
  std::unique_ptr<RedisStore> redis_;
  std::unique_ptr<StoreThread> messages_;
  std::unique_ptr<ShardGroup> shards_;
  MailBugs mail_bugs_;
  HandshakeLog handshakes_;
  IdWars id_wars_;
  Drained drain_done_;
  std::chrono::steady_clock::time_point drain_until_;
  std::atomic<bool> started_{false};
  std::atomic<bool> draining_{false};
  mutable Mutex mutex_;
  std::optional<std::string> not_registered_ ABSL_GUARDED_BY(mutex_) = "not registered yet";
  Episodes episodes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ringgate
