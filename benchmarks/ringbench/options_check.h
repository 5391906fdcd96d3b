// What has to fit together on ringbench's command line, and what is filled in from the rest of it.
#pragma once

#include <expected>

#include "benchmarks/ringbench/options.h"

namespace ringgate::bench {

// `how`: auto, own or shared. Of options that have been checked.
[[nodiscard]] std::expected<void, UsageEnd> choose_service_thread(Options& options,
                                                                  std::string_view how);

// Resolves the target, chooses threads where that was left open, and refuses what cannot work with
// a sentence that says how to mend it.
[[nodiscard]] std::expected<void, UsageEnd> check_options(Options& options);

// How many connections one thread's ring can hold: its table of direct descriptors is bounded by
// the open-file limit.
[[nodiscard]] unsigned connections_per_thread();

}  // namespace ringgate::bench
