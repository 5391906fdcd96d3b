// `ringgate wsecho`: a plain WebSocket echo, see services/wsecho/component.h.
#pragma once

#include "services/cli/command.h"

namespace ringgate {

CLI::App* add_wsecho_command(CLI::App& root, CommandResult& result);

}  // namespace ringgate
