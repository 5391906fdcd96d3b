// Whether another process lives under an id that one of ours is about to take.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "control/discovery/consul/http.h"
#include "control/discovery/instance.h"

namespace ringgate::consul {

// Who is registered with the id of `service`, under its name, and says of itself at its own monitor
// port that it is that one (identity_text). An entry alone is no proof: one that was killed stays
// in Consul for a while. Blocks for that long at most; nothing where nobody answers in that time.
[[nodiscard]] std::optional<Instance> find_living(Http& http, const Instance& service,
                                                  std::chrono::milliseconds limit);

}  // namespace ringgate::consul
