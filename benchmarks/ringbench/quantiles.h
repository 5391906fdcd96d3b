// The quantiles of times that reports tell and conditions ask for. Constants.
#pragma once

#include <array>
#include <string_view>

namespace ringgate::bench {

struct Quantile {
  std::string_view name;      // to people, and in --fail-if
  std::string_view json_key;  // a key with a dot is awkward in jq and JavaScript
  double fraction;
};
inline constexpr std::array<Quantile, 5> kQuantiles{{{"p50", "p50", 0.5},
                                                     {"p90", "p90", 0.9},
                                                     {"p99", "p99", 0.99},
                                                     {"p99.9", "p999", 0.999},
                                                     {"p99.99", "p9999", 0.9999}}};

}  // namespace ringgate::bench
