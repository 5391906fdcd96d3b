// A gateway of the world: its shards with the product's handler, and its control thread, played.
// What the link manager and the component do, this does with the same mail: it dials services and
// hands the sockets to shards, dials again what is lost, publishes catalogues, retires who has
// gone.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "control/links/link_mail.h"
#include "services/gateway/handler.h"
#include "tests/simulation/shards.h"

namespace ringgate::sim {

// What is registered, as far as a gateway cares.
struct Instance {
  std::string name;
  std::string id;
  std::uint32_t service = 0;  // of the world
  bool lanes = false;
  bool up = true;  // its process: it can be dialled
  bool calls_roll = false;
  bool registered = true;
};

struct GatewayPlan {
  std::uint32_t first_shard = 0;
  ShardsOptions shards;
  GatewayOptions options;
  std::vector<Transport> listeners{Transport::kTcp};
};

class Gateway {
 public:
  // What the world does for it.
  struct Ways {
    // Dials that service; the descriptor, or -1: nobody listens.
    std::function<int(const Instance& instance, std::uint32_t lane, std::uint32_t epoch)> dial;
    std::function<void(Socket& socket, std::string_view reason)> client_closed;
    // A number for a link, which no other of the world has.
    std::function<std::uint32_t()> next_epoch;
    bool services_err = false;  // what they send may be no packet
  };

  Gateway(Kernel& kernel, GatewayPlan plan, Ways ways);
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  [[nodiscard]] Shards& shards() noexcept { return *shards_; }
  [[nodiscard]] const Shards& shards() const noexcept { return *shards_; }
  [[nodiscard]] std::uint32_t process() const noexcept { return process_; }
  [[nodiscard]] const GatewayOptions& options() const noexcept { return plan_.options; }

  // --- The registry --------------------------------------------------------------------------
  void found(const Instance& instance);
  // It drains, and is retired when all shards have said so, or its time is up.
  void gone(const std::string& id, std::uint64_t drain_ms);
  // It is registered, as far as this gateway has heard.
  [[nodiscard]] bool knows(const std::string& id) const;

  // --- Control's loop ------------------------------------------------------------------------
  void control_turn();
  void drain(std::uint32_t spread_ms);
  [[nodiscard]] bool draining() const noexcept { return draining_; }
  [[nodiscard]] bool drained() const noexcept { return not_drained_.empty() && draining_; }

  // Every link that should be there is.
  [[nodiscard]] bool all_linked() const;
  [[nodiscard]] std::uint64_t links_lost() const noexcept { return links_lost_; }
  // Whether the link of that number is the one in use.
  [[nodiscard]] bool is_linked(std::uint32_t epoch) const;
  [[nodiscard]] std::vector<std::uint32_t> epochs_of(std::uint32_t service) const;

 private:
  struct Lane {
    std::uint32_t epoch = 0;  // 0: not linked
    std::uint64_t dial_at_ns = 0;
  };
  struct Target {
    Instance instance;
    bool draining = false;
    std::uint64_t retire_at_ns = 0;
    std::set<std::uint32_t> not_drained;
    std::vector<Lane> lanes;
  };

  void take_mail(std::uint32_t from, MailKind kind, ByteView message);
  void link_closed(const LinkEvent& event);
  void dial(std::uint32_t upstream, Target& target, std::uint32_t lane);
  void retire(std::uint32_t upstream);
  void publish();
  void catalogue_taken(std::uint32_t shard, std::uint64_t version);

  Kernel& kernel_;
  Scheduler& scheduler_;
  GatewayPlan plan_;
  Ways ways_;
  std::uint32_t process_;
  std::vector<Listener> listeners_;
  std::map<std::uint32_t, Target> targets_;                         // by upstream
  std::map<std::uint64_t, std::unique_ptr<Catalogue>> catalogues_;  // by version
  std::vector<std::uint64_t> taken_;                                // by shard
  std::uint32_t next_upstream_ = 1;
  std::uint64_t next_version_ = 1;
  std::uint64_t links_lost_ = 0;
  std::set<std::uint32_t> not_drained_;
  bool draining_ = false;
  std::unique_ptr<Shards> shards_;  // last: it refers to all before
};

}  // namespace ringgate::sim
