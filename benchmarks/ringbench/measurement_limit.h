// Sentences about ringbench as the limit of what it measured. Plain functions, any thread.
#pragma once

#include <string>

#include "benchmarks/ringbench/measurement.h"

namespace ringgate::bench {

// Its busiest thread was busier than the target's.
[[nodiscard]] std::string bottleneck_text(const Measurement& measured);

}  // namespace ringgate::bench
