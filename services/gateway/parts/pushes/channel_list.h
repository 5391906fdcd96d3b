// The channels that a service's packet is for: ids with commas between them (docs/protocol.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringgate {

[[nodiscard]] inline bool are_several(std::string_view channels) noexcept {
  return channels.find(',') != std::string_view::npos;
}

// It does not look for more than `most`. By a search for each: the lists are long, and ids are,
// too.
[[nodiscard]] inline std::uint32_t count_channels(std::string_view channels,
                                                  std::uint32_t most = UINT32_MAX) noexcept {
  std::uint32_t count = 1;
  for (std::size_t at = channels.find(','); at != std::string_view::npos && count < most;
       at = channels.find(',', at + 1)) {
    ++count;
  }
  return count;
}

// Empty ids are left out.
template <class Use>
void for_each_channel(std::string_view channels, Use&& use) {
  while (!channels.empty()) {
    const std::size_t comma = channels.find(',');
    const std::string_view one = channels.substr(0, comma);
    if (!one.empty()) use(one);
    if (comma == std::string_view::npos) return;
    channels.remove_prefix(comma + 1);
  }
}

}  // namespace ringgate
