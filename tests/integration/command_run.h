// Commands that end by themselves: what they printed and their exit code.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "tests/integration/world.h"

namespace ringgate::test {

struct Ended {
  int code = 0;
  std::string output;
};

// `ringgate` with these arguments and nothing on its standard input.
[[nodiscard]] Ended run(const std::vector<std::string>& arguments);

// The words of `ringgate` with these arguments under `ulimit FLAG VALUE`.
[[nodiscard]] std::vector<std::string> limited(const std::string& flag, const std::string& value,
                                               const std::vector<std::string>& arguments);

// That, run to its end.
[[nodiscard]] Ended run_limited(const std::string& flag, const std::string& value,
                                const std::vector<std::string>& arguments);

// One line that begins with "ringgate: ".
void expect_one_line(const Ended& ended);

// A configuration that is refused, and what the line has to say.
struct BadConfig {
  std::string name;
  std::string role;
  Settings settings;
  std::vector<std::string> says;
};
void PrintTo(const BadConfig& bad, std::ostream* to);

// Checked and started, it ends with that line and exit code 2.
void expect_refused(const BadConfig& bad);

}  // namespace ringgate::test
