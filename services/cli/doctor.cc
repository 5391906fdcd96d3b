#include "services/cli/doctor.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <memory>

#include "control/base/standard_output.h"
#include "services/doctor/checks.h"
#include "services/doctor/report.h"

namespace ringgate {
namespace {

// Those of `ringgate dev`.
const std::vector<std::uint16_t> kDevelopmentPorts = {8000, 8001, 8080};

struct DoctorOptions {
  doctor::Wishes wishes;
  std::vector<std::uint16_t> ports;
  bool json = false;
};

int run_doctor(DoctorOptions options) {
  options.wishes.ports_required = !options.ports.empty();
  const doctor::Readings readings =
      doctor::take_readings(options.ports.empty() ? kDevelopmentPorts : options.ports);
  const std::vector<doctor::Finding> findings = doctor::examine(readings, options.wishes);
  const std::string text =
      options.json ? doctor::format_findings_json(findings) : doctor::format_findings(findings);
  if (auto printed = print_out(text); !printed) return report_error(printed.error());
  const bool failed = std::ranges::any_of(findings, [](const doctor::Finding& finding) {
    return finding.verdict == doctor::Verdict::kFail;
  });
  return failed ? 1 : 0;
}

}  // namespace

CLI::App* add_doctor_command(CLI::App& root, CommandResult& result) {
  CLI::App* command = root.add_subcommand(
      "doctor", "Check whether this machine can carry the connections you want");
  auto options = std::make_shared<DoctorOptions>();
  command
      ->add_option("--connections", options->wishes.connections,
                   "Connections that one gateway process is to hold")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{100'000'000}))
      ->capture_default_str();
  command
      ->add_option("--tcp", options->ports,
                   "Ports that have to be free (default: those of `ringgate dev`, as a warning)")
      ->check(CLI::Range(1, 65535));
  command->add_flag("--json", options->json, "Print a JSON array instead of lines");
  command->footer("Exits with 1 when a check says FAIL.");
  command->callback([options, &result] { result.exit_code = run_doctor(*options); });
  return command;
}

}  // namespace ringgate
