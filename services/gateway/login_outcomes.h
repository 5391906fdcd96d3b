// Whether logins succeed, from what became of the last ones: what a login service depends on (its
// store) can only be seen from here by its answers. Control thread only.
//
// Logins fail when, since the last one that succeeded, several failed, of two accounts at least: a
// single client cannot take a gateway out of its load balancer. They fail no more when one
// succeeds, or when none has been tried for a while, so that whoever does not send clients to a
// gateway that is not ready sends some again; sooner where services of ours show by taking roll
// calls, for which they write to their stores, that they work.
//
// Where nobody logs in, roll calls tell: logins would fail when for kSettle services have refused
// several of them, and have taken none.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace ringgate {

class LoginOutcomes {
 public:
  using SteadyClock = std::chrono::steady_clock;
  static constexpr std::size_t kFailures = 3;
  static constexpr std::size_t kAccounts = 2;
  static constexpr std::chrono::seconds kForget{30};
  static constexpr std::chrono::seconds kSettle{5};

  // Since start: logins that succeeded, parts of roll calls that services have taken, and have not.
  struct Seen {
    std::uint64_t logins = 0;
    std::uint64_t rolls_taken = 0;
    std::uint64_t rolls_failed = 0;
  };

  // One failed, and why in the login service's words (or ours).
  void failed(std::uint32_t account_crc, std::string_view why, const Seen& seen,
              SteadyClock::time_point now);
  // A sentence while they fail.
  [[nodiscard]] std::optional<std::string> look(const Seen& seen, SteadyClock::time_point now);

 private:
  void forget_old(const Seen& seen, SteadyClock::time_point now);
  [[nodiscard]] bool services_work(const Seen& seen, SteadyClock::time_point now);
  [[nodiscard]] bool services_refuse(const Seen& seen, SteadyClock::time_point now);

  Seen seen_;
  SteadyClock::time_point trouble_;     // the last login or part of a roll call that failed
  std::uint64_t rolls_taken_ = 0;       // kSettle after that
  std::uint64_t good_ = 0;              // logins that succeeded and roll calls that were taken
  std::uint64_t refused_before_ = 0;    // roll calls, when there was the last one of those
  SteadyClock::time_point refusals_{};  // the first since then, or now
  // Since the last success
  std::size_t failures_ = 0;
  std::set<std::uint32_t> accounts_;  // a bounded number
  std::string why_;                   // the last one's
  SteadyClock::time_point last_;
};

}  // namespace ringgate
