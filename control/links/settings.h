// What is configured of a gateway's links. Plain values.
#pragma once

#include <chrono>

namespace ringgate {

struct LinkSettings {
  bool lanes = true;  // take one link per shard where a service offers it
  std::chrono::milliseconds young_for{10'000};
  std::chrono::milliseconds dial_timeout{5'000};
  std::chrono::milliseconds redial_min{100};
  std::chrono::milliseconds redial_max{10'000};
  std::chrono::milliseconds drain_time{10'000};
  // A registry's empty list may mean that we are not allowed to see, or that it has just lost its
  // memory, and its first one after an outage may be half of what there is: for so long these
  // remove no instance whose link is up. 0: they are believed at once.
  std::chrono::milliseconds empty_list_hold{0};
};

}  // namespace ringgate
