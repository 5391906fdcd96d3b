// What the doctor found, as text. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "services/doctor/checks.h"

namespace ringgate::doctor {

[[nodiscard]] std::string format_findings(const std::vector<Finding>& findings);
[[nodiscard]] std::string format_findings_json(const std::vector<Finding>& findings);

}  // namespace ringgate::doctor
