// The names of the selectors. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ringgate {

enum class SelectorKind : std::uint8_t { kHash, kRoute, kRendezvous };

[[nodiscard]] std::string_view selector_name(SelectorKind kind) noexcept;

// As a configuration writes it, any case.
[[nodiscard]] std::optional<SelectorKind> parse_selector(std::string_view name);

}  // namespace ringgate
