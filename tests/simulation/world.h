// A simulated world: gateways, services, clients, and what goes wrong, all of it from one seed.
//
// Its troubles and its judgement are one class because each of them looks at every other
// inhabitant.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/client.h"
#include "tests/simulation/gateway.h"
#include "tests/simulation/logic_process.h"
#include "tests/simulation/played_service.h"

namespace ringgate::sim {

// What of a world its seed has decided.
struct WorldPlan {
  Faults faults;
  ServiceFaults services;
  ClientHabits clients;
  GatewayPlan gateway;         // each of them, but for its name
  std::uint32_t gateways = 1;  // 1 ... World::kMostGateways
  LogicPlan logic;
  bool real_services = false;  // the product's handlers, or played ones
  std::uint32_t echoes = 1;    // played, beside login
  std::uint32_t logics = 1;
  std::uint32_t client_count = 8;
  bool lanes = false;
  std::uint32_t groups = 0;  // that talk
  bool troubles = false;     // processes die, stand still, come and go
  bool store_troubles = false;
  bool gateways_drain = false;  // now and then one is told to, ends, and comes back
  bool drains = false;          // everybody is told to go at the end, or goes
  bool exact = true;            // no link is ever lost: whoever was signed in is signed out once
};
[[nodiscard]] WorldPlan plan_of(std::uint64_t seed);

class World {
 public:
  static constexpr std::uint32_t kMostGateways = 3;

  explicit World(std::uint64_t seed);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // So many steps, then everybody goes home, and the account is made. False: something was wrong.
  bool run(std::uint64_t steps);

  [[nodiscard]] const std::string& failure() const noexcept { return scheduler_.failure(); }
  [[nodiscard]] std::uint64_t steps() const noexcept { return scheduler_.steps(); }
  [[nodiscard]] std::uint64_t trace() const noexcept { return scheduler_.trace(); }
  [[nodiscard]] std::uint64_t simulated_ms() const noexcept { return scheduler_.now_ms(); }
  // What has happened, for people.
  [[nodiscard]] std::string told() const;

 private:
  [[nodiscard]] Shards* shards_at(std::uint32_t& shard);
  [[nodiscard]] int dial(Gateway& from, const Instance& instance, std::uint32_t lane,
                         std::uint32_t epoch);
  // Its process begins, and ends without a word.
  void start_gateway(std::uint32_t index);
  void kill_gateway(std::uint32_t index);
  void drain_gateway(std::uint32_t index);
  void end_drained(std::uint32_t index);
  [[nodiscard]] std::unique_ptr<LogicProcess> make_logic(std::uint32_t index);
  void turn_store(std::uint32_t end);
  void control_turn(std::uint32_t process);
  void control_tick();
  void add_services();
  void add_logics();
  void add_groups();
  void add_clients();
  [[nodiscard]] bool step();
  void trouble();
  void trouble_later();
  void turn_trouble(std::uint32_t which);
  void store_trouble();
  void revive(std::uint32_t service);
  void come_back(std::uint32_t service);
  // Of the gateways that are there.
  template <class Use>
  void for_each_gateway(Use&& use) const {
    for (const auto& gateway : gateways_) {
      if (gateway != nullptr) use(*gateway);
    }
  }
  template <class Enum>
  [[nodiscard]] std::uint64_t sum_of(Enum gauge) const {
    std::uint64_t sum = 0;
    for_each_gateway([&](const Gateway& one) { sum += one.shards().gauge(gauge); });
    return sum;
  }
  [[nodiscard]] Gateway& gateway_of(const Client& client) const {
    return *gateways_[client.number() % plan_.gateways];
  }

  static constexpr std::uint32_t kControlTick = 1;  // of Actor::kTrouble

  // --- The end: world_end.cc -----------------------------------------------------------------
  // Steps until it holds. False: it does not within so much time, and that is a failure.
  template <class Condition>
  bool until(std::string_view what, std::uint64_t ms, Condition&& condition);
  void go_home();
  void leave();
  [[nodiscard]] bool one_channel_each() const;
  [[nodiscard]] std::string who_waits() const;
  void check_pushes();
  void check_pushes_of(const Client& client);
  void check_nothing_is_left();
  void check_gateway(Gateway& gateway);
  void check_shards(Shards& shards, bool all_of_the_pool);
  void check_signouts();

  std::uint64_t seed_;
  WorldPlan plan_;
  Scheduler scheduler_;
  std::unique_ptr<Kernel> kernel_;
  std::vector<std::unique_ptr<PlayedService>> services_;  // played; the first is login
  std::vector<Instance> instances_;                       // by service
  Stored stored_;
  std::vector<std::unique_ptr<LogicProcess>> logics_;  // by service, where they are the product's
  std::vector<std::unique_ptr<Gateway>> gateways_;     // null: that process is not there at present
  std::uint32_t boots_ = 0;                            // of gateways
  std::uint32_t last_epoch_ = 0;
  std::uint64_t links_lost_ = 0;  // of gateways that are gone
  std::vector<std::unique_ptr<Client>> clients_;
  bool calm_ = false;
};

}  // namespace ringgate::sim
