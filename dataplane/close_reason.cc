#include "dataplane/close_reason.h"

namespace ringgate {

const CloseName& describe(CloseReason reason, const HandlerNames& names) noexcept {
  static constexpr CloseName kUnnamed{"unnamed", WsCloseCode::kPolicyViolation};
  constexpr auto kOwn = names_of<CloseReason::Own>();
  const std::size_t index = reason.index();
  if (index < kOwn.size()) return kOwn[index];
  return index - kOwn.size() < names.closes.size() ? names.closes[index - kOwn.size()] : kUnnamed;
}

}  // namespace ringgate
