// Whether the process of --pid is the target's: what is told of its CPU time and memory is told as
// the target's.
//
// Reads /proc, which of many sockets takes its time: before a run. One thread.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "benchmarks/common/address.h"

namespace ringgate::bench {

// A sentence where the process neither listens at the target nor has a connection of it, and
// another process here is seen to listen there, or the target is on another machine. Nothing where
// all is well, or nobody can tell: it is in another network namespace, is not ours to look into, or
// who listens is not to be seen.
[[nodiscard]] std::optional<std::string> doubt_about_pid(pid_t pid, const Address& target);

}  // namespace ringgate::bench
