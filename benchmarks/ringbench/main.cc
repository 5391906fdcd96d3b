// ringbench: parses the command line, runs, tells what was measured.
#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "benchmarks/ringbench/fail_if.h"
#include "benchmarks/ringbench/measurement.h"
#include "benchmarks/ringbench/options.h"
#include "benchmarks/ringbench/run.h"

namespace ringgate::bench {
namespace {

constexpr int kConditionMet = 3;

bool write_file(const char* flag, const std::string& path, const std::string& text) {
  if (path.empty()) return true;
  std::ofstream file(path);
  file << text << std::flush;
  if (file) return true;
  fmt::print(stderr, "ringbench: cannot write {}: mend {}\n", path, flag);
  return false;
}

// Now, not after an hour of measuring.
bool can_write(const char* flag, const std::string& path) {
  return path.empty() || write_file(flag, path, "");
}

int report(const Measurement& measured, const Options& options) {
  fmt::print("{}", as_text(measured, options));
  bool written = options.json_file.empty() ||
                 write_file("--json", options.json_file, as_json(measured, options));
  written = (options.html_file.empty() ||
             write_file("--html", options.html_file, as_html(measured, options))) &&
            written;
  if (!written) return 1;
  if (any_failed(measured, options)) return kConditionMet;
  if (measured.answered() > 0) return 0;
  fmt::print(stderr, "ringbench: nothing was answered in the measuring window; see the errors\n");
  return 1;
}

int run(int argc, const char* const* argv) {
  const auto options = parse_options(argc, argv);
  if (!options) {
    const UsageEnd& end = options.error();
    if (end.exit_code == 0) {
      fmt::print("{}", end.text);
    } else {
      fmt::print(stderr, "ringbench: {}\n", end.text);
    }
    return end.exit_code;
  }
  if (!can_write("--json", options->json_file) || !can_write("--html", options->html_file)) {
    return 2;
  }
  const auto measured = Run(*options).measure();
  if (!measured) {
    fmt::print(stderr, "ringbench: {}\n", measured.error().message);
    return measured.error().exit_code;
  }
  return report(*measured, *options);
}

}  // namespace
}  // namespace ringgate::bench

int main(int argc, char** argv) {
  return ringgate::bench::run(argc, argv);
}
