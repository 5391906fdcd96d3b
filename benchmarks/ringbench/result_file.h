// A file of results: it is either the old one or the whole new one, whenever a run ends. One
// thread.
#pragma once

#include <string>
#include <string_view>

#include "codec/error.h"

namespace ringgate::bench {

// Of --json and --html: no file, but standard output.
inline constexpr std::string_view kStandardOutput = "-";

// Whether write_result_file() would succeed, as far as can be told: asked before a run that may
// take hours. An empty path is no file. The error names the flag.
[[nodiscard]] Result<void> check_result_file(const char* flag, const std::string& path);

// Beside the file and then into its place; straight into what is no regular file (a pipe, which
// somebody has to have open for reading). SIGPIPE is the caller's to ignore.
[[nodiscard]] Result<void> write_result_file(const char* flag, const std::string& path,
                                             std::string_view text);

}  // namespace ringgate::bench
