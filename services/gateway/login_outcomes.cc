#include "services/gateway/login_outcomes.h"

#include <fmt/format.h>

#include <utility>

#include "control/base/text.h"

namespace ringgate {
namespace {

constexpr std::size_t kMostAccounts = 64;

}  // namespace

void LoginOutcomes::failed(std::uint32_t account_crc, std::string_view why, const Seen& seen,
                           SteadyClock::time_point now) {
  forget_old(seen, now);
  ++failures_;
  if (accounts_.size() < kMostAccounts) accounts_.insert(account_crc);
  why_ = why.empty() ? "(it does not say why)" : printable(why);
  last_ = trouble_ = now;
}

bool LoginOutcomes::services_work(const Seen& seen, SteadyClock::time_point now) {
  if (seen.rolls_failed != seen_.rolls_failed) trouble_ = now;
  if (now - trouble_ < kSettle) rolls_taken_ = seen.rolls_taken;
  return now - trouble_ >= kSettle && seen.rolls_taken != rolls_taken_;
}

bool LoginOutcomes::services_refuse(const Seen& seen, SteadyClock::time_point now) {
  if (std::exchange(good_, seen.logins + seen.rolls_taken) != good_) {
    refused_before_ = seen.rolls_failed;
  }
  if (seen.rolls_failed == refused_before_) refusals_ = now;
  return seen.rolls_failed - refused_before_ >= kFailures && now - refusals_ >= kSettle;
}

void LoginOutcomes::forget_old(const Seen& seen, SteadyClock::time_point now) {
  const bool over = seen.logins != seen_.logins || services_work(seen, now);
  seen_ = seen;
  if (failures_ > 0 && (over || now - last_ >= kForget)) {
    failures_ = 0;
    accounts_.clear();
  }
}

std::optional<std::string> LoginOutcomes::look(const Seen& seen, SteadyClock::time_point now) {
  forget_old(seen, now);
  const bool refuse = services_refuse(seen, now);
  if (failures_ < kFailures || accounts_.size() < kAccounts) {
    if (!refuse) return std::nullopt;
    return "logins would fail: services of ringgate do not take what this gateway tells them; "
           "their /ready says why";
  }
  return fmt::format("every login fails since the last one that succeeded; the last one: {}", why_);
}

}  // namespace ringgate
