// `ringgate dev`: everything in one process, without configuration: for trying it out.
#pragma once

#include "services/cli/command.h"

namespace ringgate {

CLI::App* add_dev_command(CLI::App& root, CommandResult& result);

}  // namespace ringgate
