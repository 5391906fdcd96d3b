// The real ringbench, run to its end by a test, and its JSON.
#pragma once

#include <simdjson.h>

#include <string>
#include <vector>

namespace ringgate::test {

struct BenchRun {
  int code = 0;
  std::string output;  // both streams
  std::string json;    // empty when none was written

  // A number by JSON pointer, like "/errors/total" (RFC 6901). Fails the test when there is none.
  [[nodiscard]] double number(const std::string& pointer) const;
};

// The path of the program.
[[nodiscard]] std::string ringbench_binary();

[[nodiscard]] std::string read_file(const std::string& path);

// `ringbench` with these arguments, and --json to a file that is read back.
[[nodiscard]] BenchRun run_ringbench(std::vector<std::string> arguments);

}  // namespace ringgate::test
