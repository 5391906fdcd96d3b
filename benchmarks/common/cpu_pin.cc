#include "benchmarks/common/cpu_pin.h"

#include <fmt/format.h>
#include <sched.h>

namespace ringgate::bench {

Result<void> pin_to_cpu(int cpu) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(static_cast<unsigned>(cpu), &cpus);
  if (sched_setaffinity(0, sizeof cpus, &cpus) == 0) return {};
  return fail(fmt::format("may not run on CPU {}: choose another --cpu", cpu), 2);
}

}  // namespace ringgate::bench
