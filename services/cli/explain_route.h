// `ringgate explain-route`: which service a gateway of that configuration would choose for an
// account, and why.
#pragma once

#include "services/cli/command.h"

namespace ringgate {

CLI::App* add_explain_route_command(CLI::App& root, CommandResult& result);

}  // namespace ringgate
