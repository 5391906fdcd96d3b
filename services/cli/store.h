// `ringgate store`: looks at the message store, and changes its tables.
#pragma once

#include "services/cli/command.h"

namespace ringgate {

CLI::App* add_store_command(CLI::App& root, CommandResult& result);

}  // namespace ringgate
