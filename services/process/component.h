// A part of a process that a service is made of: a gateway, a logic service. `ringgate dev` runs
// two of them in one process.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/base/error.h"
#include "control/http/monitor.h"
#include "control/observe/metrics.h"
#include "services/process/handover/offer.h"

namespace ringgate {

// How a process is to end.
struct DrainOrder {
  std::string at{};          // "host:port" that clients are sent to; empty: they come again here
  bool handed_over = false;  // another process takes our ports
  bool same_id = false;      // and our id
  std::set<std::string> taken{};  // which of them, by ListenerSet::printed(); none: all
  std::function<void()> gone{};   // may be empty: once nobody is accepted any more
};

class Component {
 public:
  // `whole`: nothing was left when the time was over.
  using Drained = std::function<void(bool whole)>;

  Component() = default;
  Component(const Component&) = delete;
  Component& operator=(const Component&) = delete;
  virtual ~Component() = default;

  // --- Control thread ------------------------------------------------------------------------
  [[nodiscard]] virtual Result<void> start() = 0;
  // Leaves in order: deregisters, stops accepting, tells its peers, waits for what is under way up
  // to its drain time. Then, once, `done`.
  virtual void drain(const DrainOrder& order, Drained done) = 0;
  // While it drains: another process takes what it still listens on. Without `gone` it has copies
  // of that, and this one ends before it has asked for more.
  virtual void hand_over(const DrainOrder& order) {
    if (order.gone) order.gone();
  }
  // About every second.
  virtual void tick() {}
  // Whether its ports are open. It may still not be ready().
  [[nodiscard]] virtual bool serving() const { return true; }
  // Clients and links at present.
  [[nodiscard]] virtual std::uint64_t connections() const { return 0; }
  // Before the admin port is served and before start(). Its threads call what is added until this
  // goes.
  virtual void add_admin_pages(http::Monitor& /*admin*/) {}

  // What another process may take over: nothing unless it is a gateway.
  [[nodiscard]] virtual std::vector<std::string> listening_at() const { return {}; }
  virtual void add_to(handover::Offer& /*offer*/) {}

  // --- Any thread ----------------------------------------------------------------------------
  // Why it is not healthy, or not ready; nothing when it is.
  [[nodiscard]] virtual std::optional<std::string> health() const = 0;
  [[nodiscard]] virtual std::optional<std::string> ready() const = 0;
  // What somebody has to look after though it stops nothing yet: a line for each.
  [[nodiscard]] virtual std::vector<std::string> warnings() const { return {}; }
  virtual void collect(MetricsSnapshot& metrics) const = 0;
  // Where WebSocket clients are listened for at present: "ws://127.0.0.1:8000/".
  [[nodiscard]] virtual std::vector<std::string> websocket_urls() const { return {}; }
};

}  // namespace ringgate
