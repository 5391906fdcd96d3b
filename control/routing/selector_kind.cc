#include "control/routing/selector_kind.h"

#include "control/base/text.h"

namespace ringgate {

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
