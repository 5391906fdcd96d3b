#include "tests/simulation/gateway.h"

#include <algorithm>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "services/gateway/mail.h"

namespace ringgate::sim {
namespace {

// The product's handler, and somebody who hears why connections are closed.
class Overheard final : public Handler {
 public:
  using Closed = std::function<void(Connection&, CloseReason)>;

  Overheard(const GatewayOptions& options, Closed closed)
      : handler_(options), closed_(std::move(closed)) {}

  [[nodiscard]] HandlerNames names() const noexcept override { return handler_.names(); }
  void on_start(Shard& shard) override { handler_.on_start(shard); }
  void on_accept(Connection& connection) override { handler_.on_accept(connection); }
  void on_adopt(Connection& connection, const AdoptedFor& what) override {
    handler_.on_adopt(connection, what);
  }
  void on_adopt_refused(const AdoptedFor& what) override { handler_.on_adopt_refused(what); }
  void on_packet(Connection& connection, ByteView payload) override {
    handler_.on_packet(connection, payload);
  }
  void on_close(Connection& connection, CloseReason reason) override {
    closed_(connection, reason);
    handler_.on_close(connection, reason);
  }
  [[nodiscard]] bool on_peer_end(Connection& connection) override {
    return handler_.on_peer_end(connection);
  }
  void on_sent(Connection& connection) override { handler_.on_sent(connection); }
  void on_deadline(Connection& connection) override { handler_.on_deadline(connection); }
  void on_mail(std::uint32_t from, MailKind kind, ByteView message) override {
    handler_.on_mail(from, kind, message);
  }
  void on_tick() override { handler_.on_tick(); }
  void on_batch_end() override { handler_.on_batch_end(); }

 private:
  GatewayHandler handler_;
  Closed closed_;
};

}  // namespace

Gateway::Gateway(Kernel& kernel, GatewayPlan plan, Ways ways)
    : kernel_(kernel),
      scheduler_(kernel.scheduler()),
      plan_(std::move(plan)),
      ways_(std::move(ways)),
      process_(kernel.add_process()),
      taken_(plan_.shards.shards) {
  listeners_.reserve(plan_.listeners.size());
  for (const Transport transport : plan_.listeners) {
    auto sockets = ListenerSet::open({"127.0.0.1", 0}, plan_.shards.shards, false);
    if (!sockets) throw std::runtime_error(sockets.error().message);
    kernel_.listen(process_, sockets->port(), static_cast<std::uint32_t>(listeners_.size()));
    listeners_.push_back({std::move(*sockets), transport, {}});
  }
  shards_ = std::make_unique<Shards>(
      kernel_, process_, plan_.first_shard, plan_.shards, listeners_, [this](std::uint32_t shard) {
        return std::make_unique<Overheard>(
            plan_.options, [this, shard](Connection& connection, CloseReason reason) {
              const std::string_view name = ringgate::describe(reason, kGatewayNames).name;
              RingState& ring = shards_->ring(shard);
              if (connection.role == Role::kClient) {
                ways_.client_closed(*ring.direct[connection.slot], name);
              } else if (!ways_.services_err && (name == "bad_frame" || name == "frame_too_long")) {
                scheduler_.fail("a link was closed for " + std::string(name));
              }
            });
      });
}

// --- The registry -------------------------------------------------------------------------------

void Gateway::found(const Instance& instance) {
  const std::uint32_t upstream = next_upstream_++;
  Target& target = targets_[upstream];
  target.instance = instance;
  target.lanes.resize(instance.lanes ? shards_->size() : 1);
  for (std::uint32_t lane = 0; lane < target.lanes.size(); ++lane) dial(upstream, target, lane);
  publish();
  shards_->flush();
}

void Gateway::gone(const std::string& id, std::uint64_t drain_ms) {
  for (auto& [upstream, target] : targets_) {
    if (target.instance.id != id || target.draining) continue;
    target.draining = true;
    target.retire_at_ns = scheduler_.now_ns() + drain_ms * kMs;
    for (std::uint32_t shard = 0; shard < shards_->size(); ++shard) {
      target.not_drained.insert(shard);
    }
  }
  publish();
  shards_->flush();
}

bool Gateway::knows(const std::string& id) const {
  return std::ranges::any_of(targets_, [&id](const auto& entry) {
    return !entry.second.draining && entry.second.instance.id == id;
  });
}

void Gateway::retire(std::uint32_t upstream) {
  targets_.erase(upstream);
  publish();  // first: no shard's routes may name it when it goes
  for (std::uint32_t shard = 0; shard < shards_->size(); ++shard) {
    shards_->post(shard, kMailRetire, upstream);
  }
}

void Gateway::publish() {
  auto catalogue = std::make_unique<Catalogue>();
  catalogue->version = next_version_++;
  for (const auto& [upstream, target] : targets_) {
    catalogue->entries.push_back({upstream, target.instance.name, target.instance.id, "", true,
                                  target.draining, SIZE_MAX, target.instance.lanes,
                                  target.instance.calls_roll});
  }
  std::ranges::sort(catalogue->entries, {}, [](const CatalogueEntry& entry) {
    return std::tie(entry.name, entry.service_id, entry.upstream);
  });
  for (std::uint32_t shard = 0; shard < shards_->size(); ++shard) {
    shards_->post(shard, kMailCatalogue, CatalogueMail{catalogue.get()});
  }
  catalogues_.emplace(catalogue->version, std::move(catalogue));
}

// Who has taken a newer one does not look at the older ones any more.
void Gateway::catalogue_taken(std::uint32_t shard, std::uint64_t version) {
  taken_[shard] = version;
  catalogues_.erase(catalogues_.begin(),
                    catalogues_.lower_bound(*std::ranges::min_element(taken_)));
}

// --- Links --------------------------------------------------------------------------------------

void Gateway::dial(std::uint32_t upstream, Target& target, std::uint32_t lane) {
  Lane& one = target.lanes[lane];
  const std::uint32_t its_lane = target.instance.lanes ? lane : kNoLane;
  const std::uint32_t epoch = ways_.next_epoch();
  const int fd = ways_.dial(target.instance, its_lane, epoch);
  if (fd < 0) {
    constexpr std::uint64_t kAgainMs = 50;
    one.dial_at_ns = scheduler_.now_ns() + kAgainMs * kMs;
    scheduler_.after(kAgainMs * kMs + 1, Actor::kControl, process_);
    return;
  }
  one.epoch = epoch;
  one.dial_at_ns = 0;
  const std::uint32_t home = target.instance.lanes ? lane : upstream % shards_->size();
  shards_->post(home, kMailAdopt,
                AdoptMail{fd, 0, PeerAddress(), AdoptedFor{upstream, its_lane, epoch}});
}

void Gateway::link_closed(const LinkEvent& event) {
  const auto found = targets_.find(event.upstream);
  if (found == targets_.end() || found->second.draining) return;
  for (Lane& lane : found->second.lanes) {
    if (lane.epoch != event.epoch) continue;
    ++links_lost_;
    lane.epoch = 0;
    const std::uint64_t pause_ns = scheduler_.random.below(100 * kMs);
    lane.dial_at_ns = scheduler_.now_ns() + pause_ns;
    scheduler_.after(pause_ns + 1, Actor::kControl, process_);
  }
}

bool Gateway::all_linked() const {
  return std::ranges::all_of(targets_, [](const auto& entry) {
    return entry.second.draining || std::ranges::all_of(entry.second.lanes, [](const Lane& lane) {
             return lane.epoch != 0;
           });
  });
}

bool Gateway::is_linked(std::uint32_t epoch) const {
  return std::ranges::any_of(targets_, [epoch](const auto& entry) {
    return std::ranges::any_of(entry.second.lanes,
                               [epoch](const Lane& lane) { return lane.epoch == epoch; });
  });
}

std::vector<std::uint32_t> Gateway::epochs_of(std::uint32_t service) const {
  std::vector<std::uint32_t> epochs;
  for (const auto& [upstream, target] : targets_) {
    if (target.instance.service != service) continue;
    for (const Lane& lane : target.lanes) {
      if (lane.epoch != 0) epochs.push_back(lane.epoch);
    }
  }
  return epochs;
}

// --- The loop -----------------------------------------------------------------------------------

void Gateway::control_turn() {
  kernel_.has_turn(Actor::kControl, process_);
  shards_->drain([this](std::uint32_t from, MailKind kind, ByteView message) {
    take_mail(from, kind, message);
  });
  std::vector<std::uint32_t> late;
  for (auto& [upstream, target] : targets_) {
    if (target.draining) {
      const bool is_late = scheduler_.now_ns() >= target.retire_at_ns;
      if (is_late || target.not_drained.empty()) late.push_back(upstream);
      continue;
    }
    for (std::uint32_t lane = 0; lane < target.lanes.size(); ++lane) {
      const Lane& one = target.lanes[lane];
      if (one.epoch == 0 && one.dial_at_ns <= scheduler_.now_ns()) dial(upstream, target, lane);
    }
  }
  for (const std::uint32_t upstream : late) retire(upstream);
  shards_->flush();
}

void Gateway::take_mail(std::uint32_t from, MailKind kind, ByteView message) {
  switch (kind) {
    case kMailLinkClosed:
      return link_closed(kMailLinkClosed.read(message));
    case kMailCatalogueTaken:
      return catalogue_taken(from, kMailCatalogueTaken.read(message).version);
    case kMailUpstreamDrained: {
      const auto found = targets_.find(kMailUpstreamDrained.read(message));
      if (found != targets_.end()) found->second.not_drained.erase(from);
      return;
    }
    case kMailDrained:
      not_drained_.erase(from);
      return;
    case kMailLinkSeen:
    case kMailEjected:
    case kMailLoginFailed:
    case kMailTold:
    case kMailNotAccepting:
    case kMailBootEnded:
      return;
    default:
      scheduler_.fail("control got mail of kind " + std::to_string(kind));
  }
}

void Gateway::drain(std::uint32_t spread_ms) {
  draining_ = true;
  for (std::uint32_t shard = 0; shard < shards_->size(); ++shard) {
    not_drained_.insert(shard);
    DrainMail mail{};
    mail.thousandths_per_second = 1000;
    mail.spread_ms = spread_ms;
    shards_->post(shard, kMailDrain, mail);
  }
  shards_->flush();
}

}  // namespace ringgate::sim
