// What becomes of pushes to a client that takes them more slowly than they come. Plain values, any
// thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "control/base/text.h"

namespace ringgate {

enum class SlowConsumer : std::uint8_t {
  kClose,       // nothing is lost unnoticed: beyond its bound the client is closed
  kDropOldest,  // those that have waited longest are dropped
  kNewestOnly,  // of each command the newest waits
};

struct SlowConsumers {
  SlowConsumer for_all = SlowConsumer::kClose;
  std::map<std::string, SlowConsumer, std::less<>> by_prefix;  // of commands, where it differs

  // Of the commands of that prefix ("chat").
  [[nodiscard]] SlowConsumer of(std::string_view prefix) const noexcept {
    const auto found = by_prefix.find(prefix);
    return found == by_prefix.end() ? for_all : found->second;
  }
  // Whether it is kClose for all.
  [[nodiscard]] bool only_closes() const noexcept {
    return for_all == SlowConsumer::kClose && by_prefix.empty();
  }
  // Whether there are commands for which clients are closed by this, and were not by `before`.
  [[nodiscard]] bool closes_more_than(const SlowConsumers& before) const noexcept {
    const auto closes_for = [&](std::string_view prefix) {
      return of(prefix) == SlowConsumer::kClose && before.of(prefix) != SlowConsumer::kClose;
    };
    const auto closes_for_one_of = [&](const auto& prefixes) {
      return std::ranges::any_of(prefixes, [&](const auto& one) { return closes_for(one.first); });
    };
    const bool others = for_all == SlowConsumer::kClose && before.for_all != SlowConsumer::kClose;
    return others || closes_for_one_of(by_prefix) || closes_for_one_of(before.by_prefix);
  }
  bool operator==(const SlowConsumers&) const = default;
};

inline constexpr std::array<std::string_view, 3> kSlowConsumerNames = {"close", "drop_oldest",
                                                                       "newest_only"};

// As a configuration writes it.
[[nodiscard]] inline std::string_view slow_consumer_name(SlowConsumer value) noexcept {
  return kSlowConsumerNames.at(static_cast<std::size_t>(value));
}
// Any case.
[[nodiscard]] inline std::optional<SlowConsumer> parse_slow_consumer(std::string_view name) {
  const auto* const found = std::ranges::find(kSlowConsumerNames, lower_case(name));
  if (found == kSlowConsumerNames.end()) return std::nullopt;
  return static_cast<SlowConsumer>(found - kSlowConsumerNames.begin());
}

}  // namespace ringgate
