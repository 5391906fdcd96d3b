// ringbench: parses the command line, runs, tells what was measured.
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <new>
#include <string>
#include <string_view>
#include <system_error>

#include "benchmarks/ringbench/measurement.h"
#include "benchmarks/ringbench/options.h"
#include "benchmarks/ringbench/result_file.h"
#include "benchmarks/ringbench/run.h"
#include "control/base/standard_output.h"
#include "control/base/termination.h"
#include "services/flags/build_commit.h"
#include "services/flags/version.h"

namespace ringgate::bench {
namespace {

// To standard output; false when it cannot be, which is then told.
bool print(std::string_view text) {
  const Result<void> printed = print_out(text);
  if (!printed) fmt::print(stderr, "ringbench: {}\n", printed.error().message);
  return printed.has_value();
}

// The text first: a file may be a pipe whose reader takes its time. Where a file goes to standard
// output, the text makes room.
int report(const Measurement& measured, const Options& options) {
  const bool taken = options.json_file == kStandardOutput || options.html_file == kStandardOutput;
  const std::string text = as_text(measured, options);
  std::FILE* const to = taken ? stderr : stdout;
  bool written =
      std::fwrite(text.data(), 1, text.size(), to) == text.size() && std::fflush(to) == 0;
  if (!written) fmt::print(stderr, "ringbench: cannot write the report to standard output\n");
  const auto json = options.json_file.empty() ? "" : as_json(measured, options);
  const auto html = options.html_file.empty() ? "" : as_html(measured, options);
  for (const auto& result : {write_result_file("--json", options.json_file, json),
                             write_result_file("--html", options.html_file, html)}) {
    if (result) continue;
    fmt::print(stderr, "ringbench: {}\n", result.error().message);
    written = false;
  }
  const int code = exit_code(measured, options);
  if (code != 0) fmt::print(stderr, "ringbench: {}\n", why_not_green(measured, options));
  return written ? code : 1;
}

int run(int argc, const char* const* argv) {
  const auto options = parse_options(argc, argv);
  if (!options) {
    const UsageEnd& end = options.error();
    if (end.exit_code == 0) return print(end.text) ? 0 : 1;
    fmt::print(stderr, "ringbench: {}\n", end.text);
    return end.exit_code;
  }
  for (const auto& result : {check_result_file("--json", options->json_file),
                             check_result_file("--html", options->html_file)}) {
    if (result) continue;
    fmt::print(stderr, "ringbench: {}\n", result.error().message);
    return result.error().exit_code;
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
  ringgate::note_build_commit(ringgate::kBuildCommit);
  std::signal(SIGPIPE, SIG_IGN);  // a reader that has gone is an error of its file, not our end
  ringgate::end_with_a_sentence_without_memory("ringbench");
  try {
    return ringgate::bench::run(argc, argv);
  } catch (const std::system_error& failure) {  // no thread is to be had, say
    fmt::print(stderr, "ringbench: {}\n", failure.what());
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "ringbench: {}\n", ringgate::kOutOfMemory);
  }
  return 1;
}
