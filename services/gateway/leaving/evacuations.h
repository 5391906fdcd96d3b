// POST /evacuate on the admin port: so many clients are told to go, at a pace, that a number stays.
//
//   POST /evacuate?to=N[&pace=P][&first=newest|idlest][&at=HOST:PORT]   P: clients per second
//   POST /evacuate/abort      "stopped": whether one was under way
//   GET  /evacuate     how far it is
//
// The pages are called on the monitor's threads; they ask the control thread, which owns all else.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "control/base/loop.h"
#include "control/http/monitor.h"
#include "dataplane/shard_group.h"
#include "services/gateway/mail.h"

namespace ringgate {

class Evacuations {
 public:
  // Both outlive this, and the loop runs no more when this goes.
  Evacuations(ControlLoop& loop, ShardGroup& shards) : loop_(loop), shards_(shards) {}
  Evacuations(const Evacuations&) = delete;
  Evacuations& operator=(const Evacuations&) = delete;

  // The monitor's threads. `pace`: where the request has none.
  [[nodiscard]] http::Reply begin(const http::Request& request, std::size_t pace);
  [[nodiscard]] http::Reply abort();
  [[nodiscard]] http::Reply show();

  // The control thread: kMailEvacuated.
  void take(std::uint32_t shard, const EvacuatedMail& mail);
  // The process drains: one that is under way ends, and there is no other.
  void end_for_good();

 private:
  struct Order {
    std::uint64_t to = 0;
    std::uint64_t pace = 0;
    EvacuateFirst first = EvacuateFirst::kNewest;
    Farewell farewell{};
  };

  static Result<Order> read(const http::Request& request, std::size_t pace);
  [[nodiscard]] http::Reply on_loop(const std::function<http::Reply()>& what);
  void start(const Order& order);
  bool stop();  // whether one was under way
  // `stopped`: whether an abort has ended one.
  [[nodiscard]] http::Reply state(std::optional<bool> stopped = std::nullopt) const;
  [[nodiscard]] std::uint64_t told() const;

  ControlLoop& loop_;
  ShardGroup& shards_;
  Order order_;
  std::uint32_t number_ = 0;                     // of the last one; 0: there was none
  std::uint64_t to_tell_ = 0;                    // of all shards
  std::map<std::uint32_t, std::uint32_t> told_;  // by shard
  std::set<std::uint32_t> busy_;                 // shards that have not ended it
  bool aborted_ = false;
  bool is_over_ = false;  // the process drains
};

}  // namespace ringgate
