// `ringgate top`: what a gateway does, in a terminal.
#pragma once

#include "services/cli/command.h"

namespace ringgate {

CLI::App* add_top_command(CLI::App& root, CommandResult& result);

}  // namespace ringgate
