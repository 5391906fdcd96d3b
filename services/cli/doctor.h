// `ringgate doctor`: can this machine carry the connections one wants, and if not, how is that
// mended?
#pragma once

#include "services/cli/command.h"

namespace ringgate {

CLI::App* add_doctor_command(CLI::App& root, CommandResult& result);

}  // namespace ringgate
