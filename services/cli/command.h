// What the subcommands of `ringgate` have in common. Each has one function
//
//   CLI::App* add_<name>_command(CLI::App& root, CommandResult& result);
//
// which adds its flags to `root`; when the command line names the subcommand, its callback runs the
// whole of it on the calling thread and leaves the exit code in `result`, which outlives `root`.
#pragma once

#include "control/base/error.h"
#include "control/observe/logging.h"

namespace CLI {
class App;
}

namespace ringgate {

// 0 done, 1 something went wrong, 2 usage or configuration.
struct CommandResult {
  int exit_code = 0;
};

// Says on stderr what went wrong, and returns the exit code for it.
inline int report_error(const Error& error) {
  complain("ringgate: " + error.message);
  return error.exit_code;
}

}  // namespace ringgate
