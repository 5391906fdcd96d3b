// `ringgate gateway|login|chat|echo -c FILE`: one service each, in a process of its own.
#pragma once

#include "services/cli/command.h"

namespace ringgate {

void add_serve_commands(CLI::App& root, CommandResult& result);

}  // namespace ringgate
