// `ringgate token`: prints a login token.
#pragma once

#include "services/cli/command.h"

namespace ringgate {

CLI::App* add_token_command(CLI::App& root, CommandResult& result);

}  // namespace ringgate
