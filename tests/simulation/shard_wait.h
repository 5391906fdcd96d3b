// How long a shard would wait now, as Shard::run() asks it before each turn. That is the shard's
// own affair, and no header of the product should say more for a test's sake. But an explicit
// instantiation may name what is private ([temp.spec.general]), so the world waits just as long.
#pragma once

#include "dataplane/shard.h"

namespace ringgate::sim {

[[nodiscard]] unsigned wait_of(const Shard& shard) noexcept;

template <unsigned (Shard::*kWaitFor)() const noexcept>
struct WaitOf {
  friend unsigned wait_of(const Shard& shard) noexcept { return (shard.*kWaitFor)(); }
};
template struct WaitOf<&Shard::wait_for>;

}  // namespace ringgate::sim
