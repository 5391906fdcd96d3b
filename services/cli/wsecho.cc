#include "services/cli/wsecho.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "control/config/config.h"
#include "control/config/listen.h"
#include "services/process/process.h"
#include "services/wsecho/component.h"

namespace ringgate {
namespace {

struct WsEchoOptions {
  std::string listen = "127.0.0.1:9001";
  std::string certificate;
  std::string key;
  std::size_t shards = 1;
};

// "HOST:PORT", "ws://..." or "wss://...".
Result<ListenSpec> read_listen(const WsEchoOptions& options) {
  const bool secure = !options.certificate.empty();
  const bool is_url = options.listen.find("://") != std::string::npos;
  const std::string scheme = is_url ? "" : secure ? "wss://" : "ws://";
  Result<ListenSpec> listen = parse_listen(scheme + options.listen);
  if (!listen) return usage_error("--listen: {}", listen.error().message);
  if (listen->transport != Transport::kWebSocket) {
    return usage_error("--listen: \"{}\" is no WebSocket URL; write ws://HOST:PORT/PATH",
                       options.listen);
  }
  if (listen->tls != secure) {
    return usage_error("--listen: wss:// and --tls-cert go together, as do ws:// and none");
  }
  return listen;
}

Result<void> run_wsecho(const WsEchoOptions& options) {
  const Result<ListenSpec> listen = read_listen(options);
  if (!listen) return std::unexpected(listen.error());
  Config config;
  config.service_id = "wsecho";
  config.listen = {*listen};
  if (listen->tls) {
    config.tls.certificates = {options.certificate};
    config.tls.keys = {options.key};
  }
  config.upgrade.allowed_origins = {"*"};  // an echo has nothing that a page could steal
  config.shards = options.shards;
  config.pin_shards = false;
  config.log_level = LogLevel::kWarn;
  Result<std::unique_ptr<Process>> process = Process::create(config);
  if (!process) return std::unexpected(process.error());
  (*process)->add(std::make_unique<WsEchoComponent>(config, (*process)->loop()));
  return (*process)->run();
}

}  // namespace

CLI::App* add_wsecho_command(CLI::App& root, CommandResult& result) {
  CLI::App* const command = root.add_subcommand(
      "wsecho", "A plain WebSocket echo over the gateway's own code: for conformance suites");
  const auto options = std::make_shared<WsEchoOptions>();
  command->add_option("--listen", options->listen, "Where to accept; port 0 takes a free one")
      ->type_name("HOST:PORT or ws://HOST:PORT/PATH, wss://HOST:PORT/PATH")
      ->capture_default_str();
  CLI::Option* certificate = command->add_option("--tls-cert", options->certificate,
                                                 "Certificate, with its chain, in PEM: for wss://");
  CLI::Option* key = command->add_option("--tls-key", options->key, "Its key, without a password");
  certificate->type_name("FILE")->needs(key);
  key->type_name("FILE")->needs(certificate);
  command->add_option("--shards", options->shards, "Threads (0: one per usable CPU)")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command->footer("Messages up to 16 MiB, text and binary. Ends with SIGTERM or Ctrl-C.");
  command->callback([options, &result] {
    const Result<void> served = run_wsecho(*options);
    result.exit_code = served ? 0 : report_error(served.error());
  });
  return command;
}

}  // namespace ringgate
