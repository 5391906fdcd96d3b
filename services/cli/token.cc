#include "services/cli/token.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>

#include "control/base/standard_output.h"
#include "services/cli/token_options.h"

namespace ringgate {
namespace {

int print_token(const TokenOptions& options) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const Result<std::string> token =
      make_token(options, std::chrono::duration_cast<std::chrono::seconds>(now).count());
  if (!token) return report_error(token.error());
  const Result<void> printed = print_out(*token + "\n");
  return printed ? 0 : report_error(printed.error());
}

}  // namespace

CLI::App* add_token_command(CLI::App& root, CommandResult& result) {
  CLI::App* command = root.add_subcommand("token", "Print a login token (a JWT) for an account");
  auto options = std::make_shared<TokenOptions>();
  add_token_options(*command, *options);
  command->callback([options, &result] { result.exit_code = print_token(*options); });
  return command;
}

}  // namespace ringgate
