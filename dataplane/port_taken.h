// What to do about a port that somebody else listens on: one sentence for whoever cannot have it.
// Pure function, any thread.
#pragma once

#include <cstdint>
#include <string>

namespace ringgate {

[[nodiscard]] inline std::string how_to_free(std::uint16_t port) {
  return "stop what listens there (`ss -ltnp 'sport = :" + std::to_string(port) +
         "'` shows it) or choose another port";
}

}  // namespace ringgate
