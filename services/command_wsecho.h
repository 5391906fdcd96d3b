// `ringgate wsecho`: a plain WebSocket echo, see services/wsecho_service.h.
#pragma once

#include "services/command.h"

namespace ringgate {

CLI::App* add_wsecho_command(CLI::App& root, CommandResult& result);

}  // namespace ringgate
