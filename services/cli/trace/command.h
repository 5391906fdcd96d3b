// `ringgate trace`: what happens to an account, on all gateways.
#pragma once

#include "services/cli/command.h"

namespace ringgate {

CLI::App* add_trace_command(CLI::App& root, CommandResult& result);

}  // namespace ringgate
