#include "services/doctor/report.h"

#include <fmt/format.h>

#include <iterator>

#include "control/base/json.h"

namespace ringgate {

std::string format_findings(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    fmt::format_to(std::back_inserter(text), "{:<5} {:<26} {}\n", verdict_name(finding.verdict),
                   finding.name, finding.found);
    if (!finding.mend.empty()) {
      fmt::format_to(std::back_inserter(text), "{:<5} {:<26} -> {}\n", "", "", finding.mend);
    }
  }
  return text;
}

std::string format_findings_json(const std::vector<Finding>& findings) {
  std::string text = "[";
  for (const Finding& finding : findings) {
    text += text.size() == 1 ? "\n" : ",\n";
    text += "  {\"verdict\": ";
    append_json_string(text, verdict_name(finding.verdict));
    text += ", \"name\": ";
    append_json_string(text, finding.name);
    text += ", \"found\": ";
    append_json_string(text, finding.found);
    text += ", \"mend\": ";
    append_json_string(text, finding.mend);
    text += "}";
  }
  return text + "\n]\n";
}

}  // namespace ringgate
