#include "services/cli/doctor.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <ctime>
#include <memory>

#include "control/base/standard_output.h"
#include "services/doctor/certificate.h"
#include "services/doctor/checks.h"
#include "services/doctor/report.h"

namespace ringgate {
namespace {

// Those of `ringgate dev`.
const std::vector<std::uint16_t> kDevelopmentPorts = {8000, 8001, 8080};

struct DoctorOptions {
  doctor::Wishes wishes;
  std::vector<std::uint16_t> ports;
  std::string certificate;
  std::string key;
  bool json = false;
};

int run_doctor(DoctorOptions options) {
  options.wishes.ports_required = !options.ports.empty();
  const doctor::Readings readings =
      doctor::take_readings(options.ports.empty() ? kDevelopmentPorts : options.ports);
  std::vector<doctor::Finding> findings = doctor::examine(readings, options.wishes);
  if (!options.certificate.empty()) {
    findings.push_back(
        doctor::check_certificate(options.certificate, options.key, std::time(nullptr)));
  }
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
  CLI::Option* certificate = command->add_option("--tls-cert", options->certificate,
                                                 "Certificate that a gateway is to have (TlsCert)");
  CLI::Option* key = command->add_option("--tls-key", options->key, "Its key (TlsKey)");
  certificate->type_name("FILE")->needs(key);
  key->type_name("FILE")->needs(certificate);
  command->add_flag("--json", options->json, "Print a JSON array instead of lines");
  command->footer("Exits with 1 when a check says FAIL.");
  command->callback([options, &result] { result.exit_code = run_doctor(*options); });
  return command;
}

}  // namespace ringgate
