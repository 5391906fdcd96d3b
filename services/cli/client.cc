#include "services/cli/client.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <memory>
#include <string>

#include "control/base/address.h"
#include "dataplane/shortage.h"
#include "services/auth/token.h"
#include "services/cli/token_options.h"
#include "services/client/loop.h"
#include "services/client/socket.h"
#include "services/client/text.h"
#include "services/client/ws_transport.h"
#include "services/client/ws_upgrade.h"

namespace ringgate {
namespace {

constexpr int kConnectTimeoutMs = 5000;
constexpr int kUpgradeTimeoutMs = 10'000;

struct ClientOptions {
  std::string tcp;
  std::string ws;
  std::string token;
  TokenOptions signing;
};

Result<std::string> choose_token(const ClientOptions& options) {
  if (!options.token.empty()) return options.token;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return make_token(options.signing, std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

struct Dialled {
  UniqueFd socket;
  std::unique_ptr<client::Transport> transport;
};

Result<Dialled> connect_tcp(std::string_view address) {
  const Result<Endpoint> target = parse_endpoint(address);
  if (!target) return usage_error("--tcp: {}", target.error().message);
  Result<UniqueFd> socket = client::connect_to(*target, kConnectTimeoutMs);
  if (!socket) return std::unexpected(socket.error());
  return Dialled{std::move(*socket), client::make_tcp_transport()};
}

Result<Dialled> connect_ws(std::string_view address) {
  const Result<WsUrl> url = parse_ws_url(address);
  if (!url) return usage_error("--ws: {}", url.error().message);
  if (url->endpoint.host.empty()) {
    return usage_error("--ws: \"{}\" has no host; write ws://HOST:PORT/PATH", address);
  }
  Result<UniqueFd> socket = client::connect_to(url->endpoint, kConnectTimeoutMs, "--ws");
  if (!socket) return std::unexpected(socket.error());
  const Result<std::string> rest = client::upgrade_to_ws(socket->get(), *url, kUpgradeTimeoutMs);
  if (!rest) return std::unexpected(rest.error());
  return Dialled{std::move(*socket), client::make_ws_transport(*rest)};
}

Result<Dialled> connect_gateway(const ClientOptions& options) {
  if (!options.ws.empty()) return connect_ws(options.ws);
  if (!options.tcp.empty()) return connect_tcp(options.tcp);
  return usage_error("say where the gateway is: --tcp HOST:PORT or --ws ws://HOST:PORT/PATH");
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
  if (descriptor.get() < 0)
    return run_error("cannot watch for signals: {}", why_no_descriptor(errno));
  return descriptor;
}

Result<int> run_in_terminal(const ClientOptions& options) {
  const Result<std::string> token = choose_token(options);
  if (!token) return std::unexpected(token.error());
  Result<Dialled> connection = connect_gateway(options);
  if (!connection) return std::unexpected(connection.error());
  const Result<UniqueFd> signals = open_signals();
  if (!signals) return std::unexpected(signals.error());
  if (isatty(STDIN_FILENO) != 0) std::fputs("`help` lists the commands\n", stderr);
  const client::Descriptors descriptors{.socket = connection->socket.get(),
                                        .signals = signals->get()};
  return client::run(descriptors, std::move(connection->transport), options.signing.account,
                     *token);
}

}  // namespace

CLI::App* add_client_command(CLI::App& root, CommandResult& result) {
  CLI::App* command =
      root.add_subcommand("client", "Log in to a gateway and talk from the terminal");
  auto options = std::make_shared<ClientOptions>();
  CLI::Option* tcp = command->add_option("--tcp", options->tcp, "The gateway, over TCP");
  tcp->type_name("HOST:PORT");
  command->add_option("--ws", options->ws, "The gateway, over WebSocket")
      ->type_name("ws://HOST:PORT/PATH")
      ->excludes(tcp);
  add_token_options(*command, options->signing);
  CLI::Option* token = command->add_option("--token", options->token,
                                           "Log in with this token instead of signing one");
  command->get_option("--secret")->excludes(token);
  command->get_option("--secret-file")->excludes(token);
  command->footer("Lines of the input are commands:\n\n" + std::string(client::help()) +
                  "\n\nExits with 1 when the login or any request failed, or the gateway ended the "
                  "session.");
  command->callback([options, &result] {
    const Result<int> code = run_in_terminal(*options);
    result.exit_code = code ? *code : report_error(code.error());
  });
  return command;
}

}  // namespace ringgate
