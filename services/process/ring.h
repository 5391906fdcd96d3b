// What the shards of this process are on.
#pragma once

#include <optional>
#include <string>

#include "control/observe/metrics.h"
#include "dataplane/ring.h"

namespace ringgate {

// What was wanted, or what `auto` is here: it is found out, and told in the log, at first, and the
// same from then on. Any thread.
[[nodiscard]] RingKind ring_of_process(RingKind wanted);

// What /ready says where `auto` had to be content with epoll, and why. Any thread.
[[nodiscard]] std::optional<std::string> ring_warning();

// ringgate_ring_info, once it is known. Any thread.
void collect_ring(MetricsSnapshot& metrics);

}  // namespace ringgate
