// The names of what a shard counts and of why its connections end.
//
// Such an enum begins with 0 and ends with kEnd. Its table, kNamesOf<Enum>, stands beside it: a row
// for each value, in their order. The dataplane has Counter, Gauge, Distribution and
// CloseReason::Own. A handler
// brings enums of its own for what only it knows; their values go behind the dataplane's. Which
// table an enum has is what says what it is, so nothing can be counted as something else.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "codec/ws_close.h"

namespace ringgate {

struct CounterName {
  std::string_view name;  // of the metric, without prefix
  std::string_view help;
};
struct GaugeName {
  std::string_view name;
  std::string_view help;
};
enum class HistogramUnit : std::uint8_t {
  kSeconds,  // recorded in microseconds
  kNumber,
};
struct HistogramName {
  std::string_view name;
  std::string_view help;
  HistogramUnit unit;
};
struct CloseName {
  std::string_view name;  // a few words for logs, metrics ("idle_timeout") and close frames
  WsCloseCode code = WsCloseCode::kPolicyViolation;  // what a WebSocket is closed with
};

template <class Enum>
inline constexpr std::nullptr_t kNamesOf = nullptr;

template <class Enum>
constexpr std::size_t index_of(Enum value) noexcept {
  return static_cast<std::size_t>(value);
}

template <class Enum, class Name>
concept NamedBy = std::is_enum_v<Enum> && requires {
  requires std::same_as<std::remove_cvref_t<decltype(kNamesOf<Enum>[0])>, Name>;
};

// All names of the enum.
template <class Enum>
[[nodiscard]] consteval auto names_of() {
  using Row = std::remove_cvref_t<decltype(kNamesOf<Enum>)>::value_type;
  static_assert(kNamesOf<Enum>.size() == index_of(Enum::kEnd), "a row for each value");
  return std::span<const Row>(kNamesOf<Enum>);
}

template <class Enum>
  requires NamedBy<Enum, CounterName> || NamedBy<Enum, GaugeName> || NamedBy<Enum, HistogramName> ||
           NamedBy<Enum, CloseName>
[[nodiscard]] constexpr const auto& describe(Enum value) noexcept {
  static_assert(kNamesOf<Enum>.size() == index_of(Enum::kEnd), "a row for each value");
  return kNamesOf<Enum>[index_of(value)];
}

// What a handler brings, behind the dataplane's. The tables live as long as the process.
struct HandlerNames {
  std::span<const CounterName> counters;
  std::span<const GaugeName> gauges;
  std::span<const CloseName> closes;
  std::span<const HistogramName> histograms{};
};

}  // namespace ringgate
