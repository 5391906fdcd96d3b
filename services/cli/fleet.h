// `ringgate kick`, `ringgate evacuate` and `ringgate drain`: what operators do on the admin ports
// of gateways, on all of those that a registry knows.
#pragma once

#include "services/cli/command.h"

namespace ringgate {

void add_fleet_commands(CLI::App& root, CommandResult& result);

}  // namespace ringgate
