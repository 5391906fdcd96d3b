// `ringgate config`: what a configuration comes to.
#pragma once

#include "services/cli/command.h"

namespace ringgate {

CLI::App* add_config_command(CLI::App& root, CommandResult& result);

}  // namespace ringgate
