#pragma once

#include <string>

namespace ringgate {

// Where a client is.
struct Location {
  std::string channel_id;
  std::string gateway_id;
  friend bool operator==(const Location&, const Location&) = default;
};

}  // namespace ringgate
