#include "services/command_client.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <memory>
#include <string>

#include "control/address.h"
#include "services/client_loop.h"
#include "services/client_socket.h"
#include "services/client_text.h"
#include "services/token.h"
#include "services/token_options.h"

namespace ringgate {
namespace {

constexpr int kConnectTimeoutMs = 5000;

struct ClientOptions {
  std::string tcp;
  std::string token;
  TokenOptions signing;
};

Result<std::string> choose_token(const ClientOptions& options) {
  if (!options.token.empty()) return options.token;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return make_token(options.signing, std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

// SIGINT and SIGTERM come as something to read, so that they cannot fall between two system calls.
Result<UniqueFd> open_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  if (sigprocmask(SIG_BLOCK, &signals, nullptr) != 0) {
    return run_error("cannot block signals: {}", std::strerror(errno));
  }
  UniqueFd descriptor(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (descriptor.get() < 0) return run_error("cannot watch for signals: {}", std::strerror(errno));
  return descriptor;
}

Result<int> run_in_terminal(const ClientOptions& options) {
  const Result<Endpoint> target = parse_endpoint(options.tcp);
  if (!target) return std::unexpected(target.error());
  const Result<std::string> token = choose_token(options);
  if (!token) return std::unexpected(token.error());
  const Result<UniqueFd> socket = connect_to(*target, kConnectTimeoutMs);
  if (!socket) return std::unexpected(socket.error());
  const Result<UniqueFd> signals = open_signals();
  if (!signals) return std::unexpected(signals.error());
  if (isatty(STDIN_FILENO) != 0) std::fputs("`help` lists the commands\n", stderr);
  const ClientDescriptors descriptors{.socket = socket->get(), .signals = signals->get()};
  return run_client(descriptors, options.signing.account, *token);
}

}  // namespace

CLI::App* add_client_command(CLI::App& root, CommandResult& result) {
  CLI::App* command =
      root.add_subcommand("client", "Log in to a gateway and talk from the terminal");
  auto options = std::make_shared<ClientOptions>();
  command->add_option("--tcp", options->tcp, "The gateway, as HOST:PORT")->required();
  add_token_options(*command, options->signing);
  CLI::Option* token = command->add_option("--token", options->token,
                                           "Log in with this token instead of signing one");
  command->get_option("--secret")->excludes(token);
  command->get_option("--secret-file")->excludes(token);
  command->footer("Lines of the input are commands:\n\n" + std::string(client_help()) +
                  "\n\nExits with 1 when the login or any request failed, or the gateway ended the "
                  "session.");
  command->callback([options, &result] {
    const Result<int> code = run_in_terminal(*options);
    result.exit_code = code ? *code : report_error(code.error());
  });
  return command;
}

}  // namespace ringgate
