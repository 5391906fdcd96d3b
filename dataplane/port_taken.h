// What to do about an address that cannot be had: one sentence for whoever wants to listen there.
// Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ringgate {

[[nodiscard]] inline std::string how_to_free(std::uint16_t port) {
  return "stop what listens there (`ss -ltnp 'sport = :" + std::to_string(port) +
         "'` shows it) or choose another port";
}

inline constexpr std::string_view kNotOurAddress =
    "this machine has no such address; give one that `ip addr` shows, or leave the host empty for "
    "all of them";

}  // namespace ringgate
