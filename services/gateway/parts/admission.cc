#include "services/gateway/parts/admission.h"

#include <absl/hash/hash.h>

#include <algorithm>
#include <utility>

namespace ringgate {
namespace {

constexpr std::uint32_t kWindowMs = 10'000;
constexpr std::size_t kMostCounted = 65'536;  // in a window; others are not bounded

}  // namespace

void Admission::accepted(const Connection& connection) {
  const bool tight = is_tight();
  while (!strangers_.empty()) {
    Connection* const oldest = find(strangers_.front());
    if (oldest != nullptr && !tight) break;
    strangers_.pop_front();
    if (oldest == nullptr) continue;
    context_.count(GatewayCounter::kCrowdedOut);
    if (!context_.shard.options().limits_dry_run) {
      // At once: a place that lingers is none.
      context_.shard.abort(*oldest, GatewayClose::kCrowdedOut);
    }
    break;
  }
  strangers_.push_back(connection.handle());
}

bool Admission::is_tight() const noexcept {
  const ShardOptions& options = context_.shard.options();
  const std::uint64_t reserve =
      std::uint64_t{options.max_clients} * context_.options.login_reserve_percent / 100;
  const std::uint64_t clients = context_.shard.counters().get(Gauge::kClients);
  return context_.options.login_reserve_percent != 0 &&
         clients + std::max<std::uint64_t>(reserve, 1) > options.max_clients;
}

// Null: it has gone, or is no stranger any more.
Connection* Admission::find(ConnectionHandle stranger) noexcept {
  Connection* const connection = context_.shard.find(stranger);
  if (connection == nullptr || !connection->open()) return nullptr;
  const Channel* const channel = channel_of(*connection);
  return channel == nullptr || channel->state != ChannelState::kLoggedIn ? connection : nullptr;
}

bool Admission::may_ask(const PeerAddress& peer) {
  const std::uint32_t most = context_.options.logins_per_address;
  if (most == 0 || !peer.known() || contains(context_.options.exempt_addresses, peer)) return true;
  return count(asked_, absl::HashOf(peer.source()), most, GatewayCounter::kAddressTooOften);
}

bool Admission::may_log_in(std::string_view app, std::string_view account) {
  const std::uint32_t most = context_.options.logins_per_account;
  if (most == 0) return true;
  return count(logins_, absl::HashOf(app, account), most, GatewayCounter::kLoginsTooOften);
}

// Whether it is one of the first `most` of that key in this window.
bool Admission::count(Counts& counts, std::uint64_t key, std::uint32_t most,
                      GatewayCounter beyond) {
  const auto found = counts.find(key);
  if (found == counts.end()) {
    if (counts.size() < kMostCounted) counts.emplace(key, 1);
    return true;
  }
  if (found->second < most) {
    ++found->second;
    return true;
  }
  context_.count(beyond);
  return context_.shard.options().limits_dry_run;
}

void Admission::on_tick() {
  while (!strangers_.empty() && find(strangers_.front()) == nullptr) strangers_.pop_front();
  if (context_.shard.now_ms() - window_began_ms_ < kWindowMs) return;
  window_began_ms_ = context_.shard.now_ms();
  logins_.clear();
  asked_.clear();
}

}  // namespace ringgate
