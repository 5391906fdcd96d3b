// Two gateways that say they are the same one: each dials, takes the place of the other's link, and
// dials again when its own was closed. The service itself is well; so this is a line in the log
// when it begins and one when it is over, and nothing in /ready.
//
// A plain object of the control thread. It remembers a bounded number of ids.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "control/observe/episode.h"
#include "dataplane/peer_address.h"

namespace ringgate {

class IdWars {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // A gateway that dials again because it lost its link without a word replaces one that nobody
  // has any more, once in a while. So often in so long is no accident.
  static constexpr std::size_t kLeast = 4;
  static constexpr std::chrono::milliseconds kWithin{10'000};
  static constexpr std::size_t kMostIds = 64;

  // A link of that gateway and lane was closed for a newer one; `peer` was its other end.
  void replaced(std::string_view gateway_id, std::uint32_t lane, const PeerAddress& peer, Time now);
  // About every second.
  void look(Time now);
  // A line for each that lasts, or nothing.
  [[nodiscard]] std::optional<std::string> text() const { return episodes_.text(); }

 private:
  struct Lost {
    Time when;
    std::string from;
  };
  struct Lane {
    std::deque<Lost> lost;  // kLeast at most, the newest last
  };
  using Lanes = std::map<std::pair<std::string, std::uint32_t>, Lane>;

  [[nodiscard]] static std::string describe(const std::string& id, const Lane& lane);

  Lanes lanes_;  // by id and lane
  Episodes episodes_;
};

}  // namespace ringgate
