// `ringgate doctor`: can this machine carry the connections one wants, and if not, how is that
// mended?
#pragma once

#include <string>
#include <vector>

#include "services/command.h"
#include "services/doctor_checks.h"

namespace ringgate {

CLI::App* add_doctor_command(CLI::App& root, CommandResult& result);

// What the command prints.
[[nodiscard]] std::string format_findings(const std::vector<Finding>& findings);
[[nodiscard]] std::string format_findings_json(const std::vector<Finding>& findings);

}  // namespace ringgate
