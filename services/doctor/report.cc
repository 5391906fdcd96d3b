#include "services/doctor/report.h"

#include <fmt/format.h>

#include <iterator>

#include "control/base/json_writer.h"

namespace ringgate::doctor {

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
  JsonWriter json(1);
  json.array("", [&] {
    for (const Finding& finding : findings) {
      json.object("", [&] {
        json.text("verdict", verdict_name(finding.verdict));
        json.text("name", finding.name);
        json.text("found", finding.found);
        json.text("mend", finding.mend);
      });
    }
  });
  return json.take() + "\n";
}

}  // namespace ringgate::doctor
