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

#include "dataplane/shortage.h"
#include "services/auth/token.h"
#include "services/cli/token_options.h"
#include "services/client/dial.h"
#include "services/client/loop.h"
#include "services/client/text.h"

namespace ringgate {
namespace {

struct ClientOptions {
  std::string gateway;
  std::string tcp;
  std::string ws;
  tls::ClientSettings tls;
  std::string token;
  TokenOptions signing;
};

Result<std::string> choose_token(const ClientOptions& options) {
  if (!options.token.empty()) return options.token;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return make_token(options.signing, std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

Result<client::Target> choose_target(const ClientOptions& options) {
  if (!options.gateway.empty()) return client::parse_target(options.gateway);
  if (options.tcp.empty() && options.ws.empty()) {
    return usage_error(
        "say where the gateway is: tcp://HOST:PORT, tls://HOST:PORT, ws://HOST:PORT/PATH or "
        "wss://HOST:PORT/PATH");
  }
  const bool websocket = options.tcp.empty();
  std::string text = websocket ? options.ws : options.tcp;
  const std::string_view flag = websocket ? "--ws" : "--tcp";
  if (!websocket && text.find("://") == text.npos) text.insert(0, "tcp://");
  Result<client::Target> target = client::parse_target(text);
  if (!target) return usage_error("{}: {}", flag, target.error().message);
  if (target->websocket != websocket) {
    return usage_error("{}: \"{}\" is for {}", flag, text, websocket ? "--tcp" : "--ws");
  }
  return target;
}

Result<client::Target> checked_target(const ClientOptions& options) {
  Result<client::Target> target = choose_target(options);
  if (!target) return target;
  if (!target->tls && options.tls != tls::ClientSettings{}) {
    return usage_error("--tls-... is for tls:// and wss:// only: what is sent there is not sealed");
  }
  if (target->tls && !options.tls.verify) {
    complain("ringgate: --tls-insecure: nobody knows who is at the other end, or who listens");
  }
  return target;
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
  const Result<client::Target> target = checked_target(options);
  if (!target) return std::unexpected(target.error());
  Result<client::Dialled> connection = client::dial(*target, options.tls);
  if (!connection) return std::unexpected(connection.error());
  const Result<UniqueFd> signals = open_signals();
  if (!signals) return std::unexpected(signals.error());
  if (isatty(STDIN_FILENO) != 0) std::fputs("`help` lists the commands\n", stderr);
  const client::Descriptors descriptors{.signals = signals->get()};
  const auto again = [&](const std::string& at) -> Result<client::Dialled> {
    client::Target next = *target;
    if (!at.empty()) {
      Result<Endpoint> endpoint = parse_endpoint(at);
      if (!endpoint) return std::unexpected(endpoint.error());
      next.url.endpoint = std::move(*endpoint);
    }
    return client::dial(next, options.tls);
  };
  return client::run(descriptors, std::move(*connection), again, options.signing.account, *token);
}

void add_gateway_options(CLI::App& command, ClientOptions& options) {
  CLI::Option* gateway =
      command.add_option("gateway", options.gateway,
                         "The gateway: tcp://HOST:PORT, tls://HOST:PORT, ws://HOST:PORT/PATH or "
                         "wss://HOST:PORT/PATH");
  gateway->type_name("URL");
  CLI::Option* tcp = command.add_option("--tcp", options.tcp, "The gateway, over TCP");
  tcp->type_name("HOST:PORT")->excludes(gateway);
  command.add_option("--ws", options.ws, "The gateway, over WebSocket")
      ->type_name("ws://HOST:PORT/PATH")
      ->excludes(tcp)
      ->excludes(gateway);
  tls::ClientSettings& tls = options.tls;
  CLI::Option* ca = command.add_option(
      "--tls-ca", tls.ca, "Authorities that may sign the gateway's certificate [the machine's]");
  ca->type_name("FILE");
  command.add_flag("!--tls-insecure", tls.verify, "Do not check who it is that answers: for tests")
      ->excludes(ca);
  CLI::Option* certificate =
      command.add_option("--tls-cert", tls.certificate, "Our certificate, with its chain, in PEM");
  CLI::Option* key = command.add_option("--tls-key", tls.key, "The key of --tls-cert");
  certificate->type_name("FILE")->needs(key);
  key->type_name("FILE")->needs(certificate);
}

}  // namespace

CLI::App* add_client_command(CLI::App& root, CommandResult& result) {
  CLI::App* command =
      root.add_subcommand("client", "Log in to a gateway and talk from the terminal");
  auto options = std::make_shared<ClientOptions>();
  add_gateway_options(*command, *options);
  add_token_options(*command, options->signing);
  CLI::Option* token = command->add_option("--token", options->token,
                                           "Log in with this token instead of signing one");
  command->get_option("--secret")->excludes(token);
  command->get_option("--secret-file")->excludes(token);
  command->footer("Lines of the input are commands:\n\n" + std::string(client::help()) +
                  "\n\nExits with 1 when the login or any request failed, or the gateway ended the "
                  "session. A gateway that goes away says when to come again: that is done.");
  command->callback([options, &result] {
    const Result<int> code = run_in_terminal(*options);
    result.exit_code = code ? *code : report_error(code.error());
  });
  return command;
}

}  // namespace ringgate
