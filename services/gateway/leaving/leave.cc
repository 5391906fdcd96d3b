// GatewayComponent: how it takes the place of another process, and how it ends.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "control/observe/log_event.h"
#include "services/gateway/component.h"
#include "services/gateway/counters.h"
#include "services/process/shards.h"

namespace ringgate {
namespace {

constexpr std::chrono::milliseconds kTakeoverPatience{10'000};  // after that, for a login service
constexpr std::chrono::milliseconds kRegistryPatience{2000};    // with a registry that is away
constexpr std::chrono::milliseconds kRegistryLook{10};
constexpr std::chrono::milliseconds kLastWords{1000};  // to services, and their answers
// Of DrainTime: in that all clients are told to go. The rest is for what they say and are answered.
constexpr std::uint64_t kSpreadTenths = 7;

}  // namespace

// --- In the place of another --------------------------------------------------------------------

// Once this one would serve no worse than the one that has them: it goes on until then.
void GatewayComponent::ask_for_the_ports() {
  if (has_asked_) return;
  if (!grace_is_over_ && !all_linked()) return;
  if (taker_->offer().ready && !links_->connected(service_of("login"))) {
    if (timer_ != 0) return;
    timer_ = loop_.after(kTakeoverPatience, [this] {
      timer_ = 0;
      if (has_asked_) return;
      taker_->give_up(Error{
          fmt::format("--takeover: no login service is connected here in time, and process {} "
                      "has one: it stays",
                      taker_->process())});
      loop_.stop();
    });
    return;
  }
  has_asked_ = true;
  if (timer_ != 0) loop_.cancel(timer_);
  timer_ = 0;
  const bool is_beside = taker_->offer().service_id != config_.service_id;
  if (is_beside) enter_registry();
  go_once_registered(std::chrono::steady_clock::now() +
                     (is_beside ? kRegistryPatience : std::chrono::milliseconds(0)));
}

// Of another id, our entry is there before the old one's goes, so that whoever looks for a gateway
// finds one. Who comes meanwhile is let in by the old one.
void GatewayComponent::go_once_registered(std::chrono::steady_clock::time_point latest) {
  const bool is_there = std::ranges::all_of(
      registrations(config_, listeners_),
      [this](const Instance& service) { return registry_->is_registered(service.id); });
  if (!is_there && std::chrono::steady_clock::now() < latest) {
    timer_ = loop_.after(kRegistryLook, [this, latest] { go_once_registered(latest); });
    return;
  }
  timer_ = 0;
  taker_->go(config_.service_id);
}

// It has left the ports, or has ended by itself: then this is a start as any other, which waits for
// a login service until the grace is over.
void GatewayComponent::take_the_place() {
  for (Listener& listener : listeners_) listener.sockets.now_ours();
  if (has_asked_ || grace_is_over_ || links_->connected(service_of("login"))) begin_accepting();
}

bool GatewayComponent::all_linked() const {
  return std::ranges::all_of(links_->instances(), [](const InstanceStatus& instance) {
    return instance.draining || std::ranges::all_of(instance.lanes, [](const auto& lane) {
             return lane.state == LaneState::kUp;
           });
  });
}

std::vector<std::string> GatewayComponent::listening_at() const {
  std::vector<std::string> all;
  all.reserve(listeners_.size());
  for (const Listener& listener : listeners_) all.push_back(listener.sockets.printed());
  return all;
}

void GatewayComponent::add_to(handover::Offer& offer) {
  for (Listener& listener : listeners_) {
    handover::Sockets sockets{listener.sockets.printed(), {}};
    for (const int copy : listener.sockets.copies()) sockets.copies.emplace_back(copy);
    offer.sockets.push_back(std::move(sockets));
  }
}

// --- Leaving ------------------------------------------------------------------------------------

void GatewayComponent::drain(const DrainOrder& order, Drained done) {
  draining_ = true;
  drain_order_ = order;
  drain_done_ = std::move(done);
  evacuations_->end_for_good();
  refresh_ready();
  for (const Instance& service : registrations(config_, listeners_)) {
    if (order.same_id) {
      registry_->leave(service.id);
    } else if (Result<void> gone = registry_->deregister(service.id); !gone) {
      spdlog::warn("{} is not deregistered: {}", service.id, gone.error().message);
    }
  }
  if (order.handed_over) leave_files_of(order);
  if (timer_ != 0) loop_.cancel(timer_);
  timer_ = 0;
  const bool waits = accepting_ && !order.handed_over && config_.drain_delay.count() > 0;
  if (!waits) return close_clients();
  timer_ = loop_.after(config_.drain_delay, [this] {
    timer_ = 0;
    close_clients();
  });
}

// What is handed over is no more to be waited for. What is closed already, anybody may take.
void GatewayComponent::hand_over(const DrainOrder& order) {
  if (!closing_ || !order.taken.empty() || !order.gone) leave_files_of(order);
  if (!order.gone) return;
  if (closing_ && still_accepting_.empty()) return order.gone();
  drain_order_.gone = order.gone;
  if (closing_) return;
  loop_.cancel(timer_);
  timer_ = 0;
  close_clients();
}

// Those that the other process uses; who did not say which uses all of them.
void GatewayComponent::leave_files_of(const DrainOrder& order) {
  for (Listener& listener : listeners_) {
    const bool is_taken = order.taken.empty() || order.taken.contains(listener.sockets.printed());
    if (is_taken) listener.sockets.leave_file();
  }
}

void GatewayComponent::close_clients() {
  closing_ = true;
  const std::uint64_t clients = sum_of(Gauge::kClients);
  const auto time_ms = static_cast<std::uint64_t>(config_.drain_time.count());
  const std::uint64_t spread_ms = time_ms * kSpreadTenths / 10;
  const std::uint64_t needed_ms = std::min(spread_ms, clients * 1000 / config_.drain_pace);
  DrainMail mail{};
  mail.spread_ms = static_cast<std::uint32_t>(spread_ms);
  mail.farewell.spread_ms = static_cast<std::uint32_t>(needed_ms);
  static_cast<void>(mail.farewell.at.set(drain_order_.at));
  const std::uint64_t share = std::uint64_t{config_.drain_pace} * 1000 / shards_->size();
  mail.thousandths_per_second = std::max<std::uint64_t>(share, 1);
  for (std::uint32_t shard = 0; shard < shards_->size(); ++shard) {
    not_drained_.insert(shard);
    still_accepting_.insert(shard);
    mail.credit_millionths = std::uint64_t{shard} * kDrainCredit / shards_->size();
    shards_->post(shard, kMailDrain, mail);
  }
  spdlog::info("{} clients are told to go, within about {} ms", clients, needed_ms);
  timer_ = loop_.after(config_.drain_time, [this] {
    timer_ = 0;
    if (not_drained_.empty()) return;
    log_event(LogEvent::kDrainCut,
              {{"clients", sum_of(Gauge::kClients)},
               {"outstanding", sum_of(GatewayGauge::kOutstanding)},
               {"signouts", sum_of(GatewayGauge::kSignoutsWaiting)}},
              fmt::format("DrainTime is over: {}", what_is_left()));
    drained();
  });
}

std::string GatewayComponent::what_is_left() const {
  const std::uint64_t clients = sum_of(Gauge::kClients);
  const std::uint64_t requests = sum_of(GatewayGauge::kOutstanding);
  const std::uint64_t signouts = sum_of(GatewayGauge::kSignoutsWaiting);
  if (clients + requests + signouts == 0) {
    return "sign-outs were forwarded that no login service has confirmed, or services have not "
           "taken what was written to them";
  }
  return fmt::format(
      "{} of the clients have not gone yet, {} requests have no answer, {} sign-outs are not "
      "forwarded",
      clients, requests, signouts);
}

// Whoever is still said to be online here is not: services are told, in a moment at most.
void GatewayComponent::drained() {
  if (!drain_done_ || !boot_not_ended_.empty()) return;
  drained_whole_ = not_drained_.empty();
  if (timer_ != 0) loop_.cancel(timer_);
  for (std::uint32_t shard = 0; shard < shards_->size(); ++shard) {
    boot_not_ended_.insert(shard);
    shards_->post(shard, kMailEndBoot, {});
  }
  timer_ = loop_.after(kLastWords, [this] {
    timer_ = 0;
    drained_whole_ = false;
    spdlog::warn(
        "services have not answered that this gateway ends: until their GatewayLease is "
        "over, whom they have not signed out counts as online");
    ended();
  });
}

void GatewayComponent::ended() {
  if (!drain_done_) return;
  if (timer_ != 0) loop_.cancel(timer_);
  links_->stop();
  shards_->stop();
  std::exchange(drain_done_, nullptr)(drained_whole_);
}

}  // namespace ringgate
