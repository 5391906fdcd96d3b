// Keeping a thread on one CPU.
#pragma once

#include "codec/error.h"

namespace ringgate::bench {

// The calling thread, and those that it starts afterwards. The error says how to mend --cpu.
[[nodiscard]] Result<void> pin_to_cpu(int cpu);

}  // namespace ringgate::bench
