#include "services/cli/top.h"

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "control/config/secrets.h"
#include "services/top/run.h"

namespace ringgate {
namespace {

struct TopOptions {
  std::string gateway = "127.0.0.1:8082";
  std::string token_file;
  tls::ClientSettings tls;
};

// A token on a command line would be everybody's who can list processes.
Result<std::string> token_of(const TopOptions& options) {
  if (!options.token_file.empty()) return read_secret_file(options.token_file);
  const char* const given = std::getenv(environment_name("AdminToken").c_str());
  return given == nullptr ? std::string() : std::string(given);
}

Result<void> run_top(const TopOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);
  Result<top::AdminPort> port = top::parse_admin_port(options.gateway);
  if (!port) return usage_error("--gateway: {}", port.error().message);
  Result<std::string> token = token_of(options);
  if (!token) return usage_error("--token-file: {}", token.error().message);
  if (!port->tls && options.tls != tls::ClientSettings{}) {
    return usage_error("--tls-... is for https:// only: what is sent there is not sealed");
  }
  port->token = std::move(*token);
  port->settings = options.tls;
  return top::run(*port);
}

}  // namespace

CLI::App* add_top_command(CLI::App& root, CommandResult& result) {
  CLI::App* const command = root.add_subcommand(
      "top", "What a gateway does, in a terminal: the same as the page /status of its AdminPort");
  const auto options = std::make_shared<TopOptions>();
  command->add_option("--gateway", options->gateway, "The AdminPort of a gateway")
      ->type_name("HOST:PORT or https://HOST:PORT")
      ->capture_default_str();
  command
      ->add_option("--token-file", options->token_file,
                   "File that holds its AdminToken [RINGGATE_ADMINTOKEN of the environment]")
      ->type_name("FILE");
  CLI::Option* const ca =
      command->add_option("--tls-ca", options->tls.ca,
                          "With https: authorities that may sign its certificate [the machine's]");
  ca->type_name("FILE");
  command
      ->add_flag("!--tls-insecure", options->tls.verify,
                 "With https: do not check who it is that answers: for tests")
      ->excludes(ca);
  command->footer(
      "q or Ctrl-C ends it. Without a terminal it prints what there is once. Exits with 1 when the "
      "gateway does not answer at first.");
  command->callback([options, &result] {
    const Result<void> shown = run_top(*options);
    result.exit_code = shown ? 0 : report_error(shown.error());
  });
  return command;
}

}  // namespace ringgate
