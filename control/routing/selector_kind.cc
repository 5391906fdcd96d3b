#include "control/routing/selector_kind.h"

#include <algorithm>

#include "control/base/text.h"

namespace ringgate {

bool has_route(const Selectors& selectors) noexcept {
  return selectors.for_all == SelectorKind::kRoute ||
         std::ranges::any_of(selectors.by_prefix, [](const auto& entry) {
           return entry.second == SelectorKind::kRoute;
         });
}

std::string_view selector_name(SelectorKind kind) noexcept {
  switch (kind) {
    case SelectorKind::kHash:
      return "hash";
    case SelectorKind::kRoute:
      return "route";
    case SelectorKind::kRendezvous:
      return "rendezvous";
  }
  return "unknown";
}

std::optional<SelectorKind> parse_selector(std::string_view name) {
  const std::string wanted = lower_case(name);
  for (const SelectorKind kind :
       {SelectorKind::kHash, SelectorKind::kRoute, SelectorKind::kRendezvous}) {
    if (selector_name(kind) == wanted) return kind;
  }
  return std::nullopt;
}

}  // namespace ringgate
