// The names of the selectors, and which service has which. Pure functions and plain values, any
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace ringgate {

enum class SelectorKind : std::uint8_t { kHash, kRoute, kRendezvous };

struct Selectors {
  SelectorKind for_all = SelectorKind::kHash;
  std::map<std::string, SelectorKind, std::less<>> by_prefix;  // of commands, where it differs

  bool operator==(const Selectors&) const = default;
};

// Whether any service's instances are chosen by a route file.
[[nodiscard]] bool has_route(const Selectors& selectors) noexcept;

[[nodiscard]] std::string_view selector_name(SelectorKind kind) noexcept;

// As a configuration writes it, any case.
[[nodiscard]] std::optional<SelectorKind> parse_selector(std::string_view name);

}  // namespace ringgate
