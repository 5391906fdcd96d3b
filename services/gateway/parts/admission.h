// Who may come in: nobody from where nobody is wanted; when it is tight, the oldest of those who
// have not logged in makes room, so that silent connections keep nobody out; and an account, and
// who shares an address, log in only so often.
//
// One per shard, on its thread.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <string_view>

#include "services/gateway/parts/context.h"

namespace ringgate {

class Admission {
 public:
  explicit Admission(GatewayContext& context) : context_(context) {}

  // A client was accepted and has still to log in. If few places are left, another one goes.
  void accepted(const Connection& connection);
  // RefusedAddresses: asked when it is accepted, and when it logs in, as behind a proxy its address
  // is known later.
  [[nodiscard]] bool refuses(const PeerAddress& peer) {
    return is_refused(peer) && count_refused();
  }
  [[nodiscard]] bool refuses_login(const PeerAddress& peer) {
    // In a dry run who came without a proxy was counted at its accept.
    const ShardOptions& options = context_.shard.options();
    const bool is_counted = options.limits_dry_run && options.trusted_proxies.empty();
    return is_refused(peer) && !is_counted && count_refused();
  }
  // Whether one more may ask to log in from there; asked once for each, before its token is read.
  [[nodiscard]] bool may_ask(const PeerAddress& peer);
  // Whether that account may log in once more; asked once for each login with a good token. Only
  // one that may is counted, of its account (LoginsPerAccount) as of all (LoginRate).
  enum class Login : std::uint8_t { kMay, kTooOftenOfItsAccount, kTooManyOfAll };
  [[nodiscard]] Login may_log_in(std::string_view app, std::string_view account);
  void on_tick();
  // Those who have not logged in, the oldest first, until `use` says false; a thousand of them at
  // most. It may end them.
  template <class Use>
  void for_each_stranger(Use&& use) {
    constexpr std::size_t kMostLooks = 1'000;
    for (std::size_t i = 0; i < std::min(strangers_.size(), kMostLooks); ++i) {
      Connection* const stranger = find(strangers_[i]);
      if (stranger != nullptr && !use(*stranger)) return;
    }
  }

 private:
  // When each, by a hash of what it is, has had all that it may have: GCRA, as ATM's generic cell
  // rate algorithm (ITU-T I.371): who comes evenly spaces its logins, who does not has a burst of
  // as many as a window allows.
  using Rates = absl::flat_hash_map<std::uint64_t, std::uint32_t>;

  [[nodiscard]] bool is_refused(const PeerAddress& peer) const noexcept {
    return !context_.options.refused_addresses.empty() &&
           contains(context_.options.refused_addresses, peer);
  }
  [[nodiscard]] bool count_refused();
  [[nodiscard]] bool is_tight() const noexcept;
  // How long that one has had all it may have; null: too many are counted to bound one more.
  [[nodiscard]] std::uint32_t* taken_by(Rates& rates, std::uint64_t key);
  [[nodiscard]] bool take_of_login_rate();
  void forget_idle(Rates& rates);
  void forget_those_in_front();
  [[nodiscard]] bool front_ends() noexcept;
  void close_oldest();
  void make_room();
  void crowd_out(Connection& stranger);
  [[nodiscard]] Connection* find(ConnectionHandle stranger) noexcept;

  GatewayContext& context_;
  // In the order of their accepts. Those who have logged in or gone are left out when they come to
  // the front.
  std::deque<ConnectionHandle> strangers_;
  Rates logins_;  // by account
  Rates asked_;   // by source
  std::uint32_t forgets_at_ms_ = 0;
  std::uint32_t login_credit_at_ms_ = 0;
  // Thousandths of a login. At first a second's, whatever the rate is.
  std::uint64_t login_credit_ = std::numeric_limits<std::uint32_t>::max();
};

}  // namespace ringgate
