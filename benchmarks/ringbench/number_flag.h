// Numbers on the command line: `250`, `2.5`, `10k`, `1M`. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "codec/error.h"

namespace ringgate::bench {

struct NumberFlag {
  double least = 0;                  // belongs to it, unless `above`
  double most = 0;                   // belongs to it
  bool whole = true;                 // 2.5 is refused; 2.5k is not
  bool above = false;                // more than `least`
  std::string_view what = "number";  // in the sentence: "number of connections"
};

// k is a thousand, M a million. The error is a sentence that says what would be taken.
[[nodiscard]] Result<double> parse_number(std::string_view text, const NumberFlag& flag);

// The same number in digits only, as CLI11 reads it into a variable.
[[nodiscard]] std::string plain_digits(double value, const NumberFlag& flag);

}  // namespace ringgate::bench
