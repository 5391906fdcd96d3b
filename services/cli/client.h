// `ringgate client`: a terminal client for trying a gateway out and for scripts.
#pragma once

#include "services/cli/command.h"

namespace ringgate {

CLI::App* add_client_command(CLI::App& root, CommandResult& result);

}  // namespace ringgate
