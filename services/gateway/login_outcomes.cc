#include "services/gateway/login_outcomes.h"

#include <fmt/format.h>

#include "control/base/text.h"

namespace ringgate {
namespace {

constexpr std::size_t kMostAccounts = 64;

}  // namespace

void LoginOutcomes::failed(std::uint32_t account_crc, std::string_view why, std::uint64_t succeeded,
                           SteadyClock::time_point now) {
  forget_old(succeeded, now);
  ++failures_;
  if (accounts_.size() < kMostAccounts) accounts_.insert(account_crc);
  why_ = why.empty() ? "(it does not say why)" : printable(why);
  last_ = now;
}

void LoginOutcomes::forget_old(std::uint64_t succeeded, SteadyClock::time_point now) {
  const bool one_succeeded = succeeded != succeeded_;
  succeeded_ = succeeded;
  if (one_succeeded || (failures_ > 0 && now - last_ >= kForget)) {
    failures_ = 0;
    accounts_.clear();
  }
}

std::optional<std::string> LoginOutcomes::look(std::uint64_t succeeded,
                                               SteadyClock::time_point now) {
  forget_old(succeeded, now);
  if (failures_ < kFailures || accounts_.size() < kAccounts) return std::nullopt;
  return fmt::format("every login fails since the last one that succeeded; the last one: {}", why_);
}

}  // namespace ringgate
