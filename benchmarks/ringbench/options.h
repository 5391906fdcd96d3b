// The command line of ringbench. Plain values.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/common/address.h"
#include "codec/error.h"

namespace ringgate::bench {

enum class Mode : std::uint8_t { kPing, kForward };

struct Options {
  Mode mode = Mode::kPing;
  std::string target;  // as given
  Address address;     // resolved
  unsigned connections = 64;
  std::int64_t duration_ms = 5000;
  std::int64_t warmup_ms = 1000;
  pid_t pid = 0;  // 0: not given
  std::string json_file;
  unsigned threads = 1;
  std::vector<int> cpus;
  bool raw = false;
  std::string account_prefix = "bench";
  std::string app = "kim";
  std::string secret;
  std::string token;
  std::string command = "echo.ping";
  unsigned body_bytes = 16;
};

// Why there is nothing to run: --help (exit code 0) or a usage error (2).
struct UsageEnd {
  int exit_code = 2;
  std::string text;
};

[[nodiscard]] std::expected<Options, UsageEnd> parse_options(int argc, const char* const* argv);

// `500ms`, `5s`, `1.5s`, `2m`.
[[nodiscard]] Result<std::int64_t> parse_duration_ms(std::string_view text);

}  // namespace ringgate::bench
