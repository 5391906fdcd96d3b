#include "services/gateway/parts/admission.h"

#include <absl/hash/hash.h>

#include <algorithm>
#include <utility>

#include "dataplane/silence.h"

namespace ringgate {
namespace {

constexpr std::uint32_t kWindowMs = 10'000;
constexpr std::uint32_t kForgetEveryMs = 1'000;
constexpr std::size_t kMostCounted = 131'072;  // at once; others are not bounded

// It has been told why it has to go.
bool ends(const Connection& connection) noexcept {
  return connection.phase == Phase::kFlushing || connection.phase == Phase::kLingering;
}

// Each takes its part of the window from when the one before has taken its own.
constexpr std::uint32_t part_of_window(std::uint32_t most) noexcept {
  return std::max(kWindowMs / most, 1U);
}

constexpr bool has_room(std::uint32_t taken_until, std::uint32_t now, std::uint32_t most) noexcept {
  return taken_until - now + part_of_window(most) <= kWindowMs;
}

}  // namespace

void Admission::accepted(const Connection& connection) {
  forget_those_in_front();
  if (is_tight()) close_oldest();
  strangers_.push_back(connection.handle());
}

// Who has gone, or logged in. One that was refused and has still to go has a place.
void Admission::forget_those_in_front() {
  while (!strangers_.empty()) {
    const Connection* const first = context_.shard.find(strangers_.front());
    if (first != nullptr && (ends(*first) || find(first->handle()) != nullptr)) return;
    strangers_.pop_front();
  }
}

void Admission::close_oldest() {
  if (strangers_.empty()) return;
  Connection* const oldest = context_.shard.find(strangers_.front());
  strangers_.pop_front();
  if (oldest == nullptr) return;
  if (!ends(*oldest)) {
    crowd_out(*oldest);
  } else if (!context_.shard.options().limits_dry_run) {
    context_.shard.abort(*oldest, oldest->reason);  // it has been told why, and does not go
  }
}

bool Admission::front_ends() noexcept {
  if (strangers_.empty()) return false;
  const Connection* const first = context_.shard.find(strangers_.front());
  return first != nullptr && ends(*first);
}

void Admission::crowd_out(Connection& stranger) {
  context_.count(GatewayCounter::kCrowdedOut);
  if (!context_.shard.options().limits_dry_run) {
    // At once: a place that lingers is none.
    context_.shard.abort(stranger, GatewayClose::kCrowdedOut);
  }
}

// A shard whose places are all taken closes its listeners, and opens them again when a twentieth is
// free (dataplane/acceptor.cc): nobody comes then for whom another could go, as when the reserve
// has come by a reload. Who has only just come is about to log in.
void Admission::make_room() {
  constexpr std::uint32_t kSilentMs = 1'000;
  constexpr std::uint64_t kPartThatOpens = 20;
  const ShardOptions& options = context_.shard.options();
  const Counters& counters = context_.shard.counters();
  const std::uint64_t clients = counters.get(Gauge::kClients);
  const bool is_full = clients >= options.max_clients || counters.get(Gauge::kListenersClosed) > 0;
  if (!is_full || context_.options.login_reserve_percent == 0 || options.limits_dry_run) return;
  std::uint64_t taken = clients + options.max_clients / kPartThatOpens + 1;
  while (taken > options.max_clients && front_ends()) {
    close_oldest();
    forget_those_in_front();
    --taken;
  }
  for_each_stranger([&](Connection& stranger) {
    if (taken <= options.max_clients) return false;
    if (silent_ms(stranger, context_.shard.now_ms()) < kSilentMs) return true;
    crowd_out(stranger);
    --taken;
    return true;
  });
}

// Within the reserve those who come have time for their logins: the oldest goes when half of it is
// left and they are more than that, or there is no other place for whoever comes next.
bool Admission::is_tight() const noexcept {
  constexpr std::uint64_t kPartThatStaysFree = 2;
  const ShardOptions& options = context_.shard.options();
  const std::uint64_t percent = context_.options.login_reserve_percent;
  const std::uint64_t clients = context_.shard.counters().get(Gauge::kClients);
  if (percent == 0) return false;
  const std::uint64_t free =
      options.max_clients - std::min<std::uint64_t>(clients, options.max_clients);
  const std::uint64_t kept =
      std::uint64_t{options.max_clients} * percent / 100 / kPartThatStaysFree;
  return free <= 1 || (free <= kept && strangers_.size() > kept);
}

// Null: it has gone, or is no stranger any more: its token was good, also while the login service
// has still to answer.
Connection* Admission::find(ConnectionHandle stranger) noexcept {
  Connection* const connection = context_.shard.find(stranger);
  if (connection == nullptr || !connection->open()) return nullptr;
  return channel_of(*connection) == nullptr ? connection : nullptr;
}

bool Admission::may_ask(const PeerAddress& peer) {
  const std::uint32_t most = context_.options.logins_per_address;
  if (most == 0 || !peer.known()) return true;
  if (contains(context_.shard.options().exempt_addresses, peer)) return true;
  std::uint32_t* const taken_until = taken_by(asked_, absl::HashOf(peer.source()));
  if (taken_until == nullptr) return true;
  if (has_room(*taken_until, context_.shard.now_ms(), most)) {
    *taken_until += part_of_window(most);
    return true;
  }
  context_.count(GatewayCounter::kAddressTooOften);
  return context_.shard.options().limits_dry_run;
}

// Who is refused, in a dry run as well, has had nothing of either.
Admission::Login Admission::may_log_in(std::string_view app, std::string_view account) {
  const bool dry_run = context_.shard.options().limits_dry_run;
  const std::uint32_t most = context_.options.logins_per_account;
  std::uint32_t* const taken_until =
      most == 0 ? nullptr : taken_by(logins_, absl::HashOf(app, account));
  if (taken_until != nullptr && !has_room(*taken_until, context_.shard.now_ms(), most)) {
    context_.count(GatewayCounter::kLoginsTooOften);
    return dry_run ? Login::kMay : Login::kTooOftenOfItsAccount;
  }
  if (!take_of_login_rate()) {
    context_.count(GatewayCounter::kLoginRateReached);
    return dry_run ? Login::kMay : Login::kTooManyOfAll;
  }
  if (taken_until != nullptr) *taken_until += part_of_window(most);
  return Login::kMay;
}

bool Admission::take_of_login_rate() {
  constexpr std::uint64_t kLogin = 1000;
  const std::uint64_t rate = context_.options.logins_per_s;
  if (rate == 0) return true;
  const std::uint32_t now = context_.shard.now_ms();
  const std::uint64_t since_ms = now - login_credit_at_ms_;
  login_credit_at_ms_ = now;
  login_credit_ = std::min(login_credit_ + since_ms * rate, rate * kLogin);
  if (login_credit_ < kLogin) return false;
  login_credit_ -= kLogin;
  return true;
}

bool Admission::count_refused() {
  context_.count(GatewayCounter::kAddressesRefused);
  return !context_.shard.options().limits_dry_run;
}

std::uint32_t* Admission::taken_by(Rates& rates, std::uint64_t key) {
  const std::uint32_t now = context_.shard.now_ms();
  auto found = rates.find(key);
  if (found == rates.end()) {
    if (rates.size() >= kMostCounted) return nullptr;
    found = rates.emplace(key, now).first;
  }
  if (Clock::passed(now, found->second)) found->second = now;
  return &found->second;
}

void Admission::forget_idle(Rates& rates) {
  const std::uint32_t now = context_.shard.now_ms();
  absl::erase_if(rates, [now](const auto& one) { return Clock::passed(now, one.second); });
}

void Admission::on_tick() {
  forget_those_in_front();
  make_room();
  if (!Clock::passed(context_.shard.now_ms(), forgets_at_ms_)) return;
  forgets_at_ms_ = context_.shard.now_ms() + kForgetEveryMs;
  forget_idle(logins_);
  forget_idle(asked_);
}

}  // namespace ringgate
