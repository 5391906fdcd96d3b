#include "services/cli/dev.h"

#include <stdlib.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "control/base/unique_fd.h"
#include "control/config/check.h"
#include "control/config/config.h"
#include "control/config/listen.h"
#include "control/config/origin.h"
#include "control/discovery/memory.h"
#include "control/observe/log_event.h"
#include "control/observe/logging.h"
#include "control/tls/day_certificate.h"
#include "services/auth/development.h"
#include "services/gateway/component.h"
#include "services/handlers/chat.h"
#include "services/handlers/echo.h"
#include "services/logic/component.h"
#include "services/process/process.h"
#include "services/process/tls.h"
#include "services/store/message_options.h"

namespace ringgate {
namespace {

struct DevOptions {
  std::string tcp = "127.0.0.1:8001";
  std::string ws = "ws://127.0.0.1:8000/";
  std::string admin = "127.0.0.1:8080";
  bool tls = false;
  std::string tls_tcp = "127.0.0.1:8444";
  std::string wss = "wss://127.0.0.1:8443/";
  std::vector<std::string> origins;
  std::string data;  // empty: default_folder()
  std::size_t shards = 0;
};

constexpr std::string_view kInMemory = "memory";

Result<void> listen_over_tls(const DevOptions& options, std::vector<OwnListener>& own,
                             std::vector<ListenSpec>& listen) {
  if (!options.tls) return {};
  const Result<Endpoint> tcp = parse_endpoint(options.tls_tcp);
  if (!tcp) return usage_error("--tls-tcp: {}", tcp.error().message);
  const bool is_url = options.wss.find("://") != std::string::npos;
  Result<ListenSpec> wss = parse_listen(is_url ? options.wss : "wss://" + options.wss);
  if (!wss) return usage_error("--wss: {}", wss.error().message);
  if (!wss->tls || wss->transport != Transport::kWebSocket) {
    return usage_error("--wss: \"{}\" is no wss:// URL", options.wss);
  }
  listen.push_back(ListenSpec{*tcp});
  listen.back().tls = true;
  listen.push_back(std::move(*wss));
  own.push_back({"--tls-tcp", *tcp});
  own.push_back({"--wss", listen.back().endpoint});
  return {};
}

Result<Config> gateway_config(const DevOptions& options) {
  Config config;
  config.service_id = "dev-gateway";
  config.service_name = "tgateway";
  const Result<Endpoint> tcp = parse_endpoint(options.tcp);
  if (!tcp) return usage_error("--tcp: {}", tcp.error().message);
  const Result<Endpoint> admin = parse_endpoint(options.admin);
  if (!admin) return usage_error("--admin: {}", admin.error().message);
  const Result<ListenSpec> ws = parse_websocket_listen(options.ws);
  if (!ws) return usage_error("--ws: {}", ws.error().message);
  std::vector<OwnListener> own = {{"--tcp", *tcp}, {"--ws", ws->endpoint}, {"--admin", *admin}};
  config.listen = {ListenSpec{*tcp}, *ws};
  if (auto listens = listen_over_tls(options, own, config.listen); !listens) {
    return std::unexpected(listens.error());
  }
  if (auto apart = check_own_listeners(own); !apart) return std::unexpected(apart.error());
  for (const std::string& text : options.origins) {
    Result<std::string> origin = parse_origin(text);
    if (!origin) return usage_error("--origin: {}", origin.error().message);
    config.upgrade.allowed_origins.push_back(std::move(*origin));
  }
  config.monitor_address = admin->host.empty() ? "::" : admin->host;
  config.monitor_port = admin->port;
  config.app_secret = kDevelopmentSecret;
  config.shards = options.shards;
  config.log_level = LogLevel::kWarn;
  // One logic service answers for all names, so that its sessions need no lock.
  config.routes = {{"login", "chat"}, {"echo", "chat"}};
  return config;
}

// Where programs keep what is one user's; empty: nothing says where that is.
std::filesystem::path default_folder() {
  const char* const data = std::getenv("XDG_DATA_HOME");
  if (data != nullptr && *data == '/') return std::filesystem::path(data) / "ringgate";
  const char* const home = std::getenv("HOME");
  if (home != nullptr && *home == '/') {
    return std::filesystem::path(home) / ".local/share/ringgate";
  }
  return {};
}

// A folder of this process, where no other one keeps anything.
class OwnFolder {
 public:
  OwnFolder() = default;
  ~OwnFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  OwnFolder(const OwnFolder&) = delete;
  OwnFolder& operator=(const OwnFolder&) = delete;

  Result<std::filesystem::path> make() {
    std::error_code error;
    std::string name =
        (std::filesystem::temp_directory_path(error) / "ringgate-dev-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      return run_error("--tls: cannot make a folder like {}: {}", name, std::strerror(errno));
    }
    path_ = name;
    return path_;
  }

 private:
  std::filesystem::path path_;
};

// Where the certificate of the day is: beside the messages, if they are in a folder.
Result<std::filesystem::path> certificate_folder(const DevOptions& options, OwnFolder& own) {
  if (options.data == kInMemory) return own.make();
  const std::filesystem::path data =
      options.data.empty() ? default_folder() : std::filesystem::path(options.data);
  std::error_code error;
  if (!data.empty()) std::filesystem::create_directories(data / "tls", error);
  const bool usable = !data.empty() && !error && access((data / "tls").c_str(), W_OK) == 0;
  return usable ? std::filesystem::absolute(data / "tls") : own.make();
}

std::string told_of(const tls::DayCertificate& day) {
  return "certificate for today: " + day.file + ", SHA-256 " + day.sha256;
}

Result<void> use_day_certificate(const DevOptions& options, OwnFolder& own, Config& config) {
  if (!options.tls) return {};
  const Result<std::filesystem::path> folder = certificate_folder(options, own);
  if (!folder) return std::unexpected(folder.error());
  const auto day = tls::day_certificate(*folder, std::time(nullptr));
  if (!day) return std::unexpected(day.error());
  config.tls.certificates = {day->file};
  config.tls.keys = {day->key_file};
  config.monitor_tls = config.tls;
  announce(told_of(*day));
  for (const ListenSpec& listen : config.listen) {
    if (!listen.tls || listen.endpoint.port == 0) continue;
    const bool websocket = listen.transport == Transport::kWebSocket;
    announce(fmt::format("try ringgate client {}://{}{} --tls-ca {} --account alice",
                         websocket ? "wss" : "tls", format_endpoint(listen.endpoint),
                         websocket ? listen.path : "", day->file));
  }
  return {};
}

// The MessageStore of a folder, which is made if it is not there.
Result<std::string> store_in(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::path whole = std::filesystem::absolute(folder, error);
  if (!error) std::filesystem::create_directories(whole, error);
  if (error) return usage_error("--data: {}: {}", folder.string(), error.message());
  return "sqlite://" + (whole / "messages.db").string();
}

struct ClaimedStore {
  std::string url = std::string(kInMemory);
  UniqueFd held{};    // while it lives, no other process has the store
  std::string why{};  // it is memory, though there is a folder
};

Result<ClaimedStore> claim(const std::filesystem::path& folder) {
  Result<std::string> url = store_in(folder);
  if (!url) return std::unexpected(url.error());
  Result<UniqueFd> held = claim_message_store(*url);
  if (!held) return run_error("--data: {}", held.error().message);
  return ClaimedStore{std::move(*url), std::move(*held)};
}

// To try ringgate out takes no folder: only one that was asked for has to be there, and free.
Result<ClaimedStore> message_store(const DevOptions& options) {
  if (options.data == kInMemory) return ClaimedStore();
  if (!options.data.empty()) return claim(options.data);
  const std::filesystem::path folder = default_folder();
  if (folder.empty()) return ClaimedStore();
  Result<ClaimedStore> claimed = claim(folder);
  if (claimed) return claimed;
  ClaimedStore memory;
  memory.why = claimed.error().message;
  return memory;
}

void announce_store(const ClaimedStore& store) {
  if (store.url != kInMemory) {
    announce("messages and groups are kept in " +
             message_store_name(store.url).value_or(store.url));
    return;
  }
  const std::string why = store.why.empty() ? "" : " (" + store.why + ")";
  announce("messages and groups are kept in memory, and end with this process" + why);
}

Config service_config(std::string message_store) {
  Config config;
  config.message_store = std::move(message_store);
  config.service_id = "dev-services";
  config.service_name = "chat";
  config.listen = {ListenSpec{{"127.0.0.1", 0}}};
  config.shards = 1;
  config.pin_shards = false;
  config.memory_sessions = true;
  return config;
}

void add_dev_handlers(Router& router, const ChatOptions& options) {
  add_chat_handlers(router, options);
  add_echo_handlers(router);
}

// Browsers that have the page open may connect, by whichever name they came.
void allow_page(const Process& process, std::vector<std::string>& origins) {
  const Endpoint page = process.admin_endpoint();
  for (const std::string& host : {page.host, std::string("127.0.0.1"), std::string("localhost")}) {
    origins.push_back(process.port_url({host, page.port}, ""));
  }
}

// The certificate is read again, and made anew where it ends soon; nobody who is connected notices.
Result<std::string> renew_certificate(const Config& config, Process& process,
                                      GatewayComponent& gateway) {
  if (config.tls.certificates.empty()) {
    return "there is nothing to read again: ringgate dev has no configuration";
  }
  const std::filesystem::path file = config.tls.certificates.front();
  const auto day = tls::day_certificate(file.parent_path(), std::time(nullptr));
  if (!day) return std::unexpected(day.error());
  Result<PortsTls> ports = load_ports_tls(config);
  if (!ports) return std::unexpected(ports.error());
  if (auto reloaded = gateway.reload(config); !reloaded) return std::unexpected(reloaded.error());
  process.use_tls(std::move(*ports));
  return told_of(*day);
}

// What SIGHUP does.
void hang_up(const Config& config, Process& process, GatewayComponent& gateway) {
  const Result<std::string> done = renew_certificate(config, process, gateway);
  process.note_reload(done.has_value());
  if (done) {
    announce("SIGHUP: " + *done);
    return;
  }
  log_event(LogEvent::kReloadRefused, {{"why", done.error().message}},
            "SIGHUP: the certificate stays as it is: " + done.error().message);
}

Result<void> run_dev(const DevOptions& options) {
  Result<Config> gateway = gateway_config(options);
  if (!gateway) return std::unexpected(gateway.error());
  const Result<ClaimedStore> store = message_store(options);
  if (!store) return std::unexpected(store.error());
  OwnFolder own_folder;
  if (auto used = use_day_certificate(options, own_folder, *gateway); !used) {
    return std::unexpected(used.error());
  }
  Result<std::unique_ptr<Process>> process = Process::create(*gateway, ProcessMode::kDevelopment);
  if (!process) return std::unexpected(process.error());
  announce(
      "DEVELOPMENT MODE: tokens are signed with a secret that everybody knows; sessions are kept "
      "in memory. Never let strangers reach this.");
  allow_page(**process, gateway->upgrade.allowed_origins);
  announce("open " + (*process)->port_url((*process)->admin_endpoint(), "/try") + " in a browser");
  const auto directory = std::make_shared<MemoryDirectory>();
  Result<std::unique_ptr<MemoryRegistry>> services_registry = MemoryRegistry::open(directory);
  if (!services_registry) return std::unexpected(services_registry.error());
  Result<std::unique_ptr<MemoryRegistry>> gateway_registry = MemoryRegistry::open(directory);
  if (!gateway_registry) return std::unexpected(gateway_registry.error());
  const Config services = service_config(store->url);
  announce_store(*store);
  const auto fill = [chat = chat_options(services)](Router& router) {
    add_dev_handlers(router, chat);
  };
  (*process)->add(std::make_unique<LogicComponent>(
      services, std::move(*services_registry), (*process)->loop(), fill,
      LogicUse{.announces = false, .takes_roll_calls = true, .keeps_messages = true}));
  auto component = std::make_unique<GatewayComponent>(*gateway, std::move(*gateway_registry),
                                                      (*process)->loop(), nullptr);
  (*process)->on_reload([&config = *gateway, &process = **process, &serving = *component] {
    hang_up(config, process, serving);
  });
  (*process)->add(std::move(component));
  return (*process)->run();
}

}  // namespace

CLI::App* add_dev_command(CLI::App& root, CommandResult& result) {
  CLI::App* const command = root.add_subcommand(
      "dev", "Gateway, login, chat and echo in one process, without configuration: to try it out");
  const auto options = std::make_shared<DevOptions>();
  command->add_option("--tcp", options->tcp, "Where clients connect")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  command->add_option("--ws", options->ws, "Where WebSocket clients connect")
      ->type_name("HOST:PORT or ws://HOST:PORT/PATH")
      ->capture_default_str();
  CLI::Option* const tls =
      command->add_flag("--tls", options->tls,
                        "Listen over TLS, too, and serve the page over https, with a certificate "
                        "for today that only this machine is named in");
  command->add_option("--tls-tcp", options->tls_tcp, "With --tls: where clients connect over TLS")
      ->needs(tls)
      ->type_name("HOST:PORT")
      ->capture_default_str();
  command->add_option("--wss", options->wss, "With --tls: where WebSocket clients connect over TLS")
      ->needs(tls)
      ->type_name("HOST:PORT or wss://HOST:PORT/PATH")
      ->capture_default_str();
  command
      ->add_option("--admin", options->admin,
                   "Where the page to try it with (/try), /health, /ready and /metrics are")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  command
      ->add_option(
          "--origin", options->origins,
          "Origin that other pages may connect from, like https://chat.example.com; may be "
          "given again")
      ->type_name("ORIGIN")
      ->allow_extra_args(false);
  command
      ->add_option("--data", options->data,
                   "Folder that messages and groups are kept in, or memory [ringgate in "
                   "$XDG_DATA_HOME or ~/.local/share]")
      ->type_name("FOLDER");
  command->add_option("--shards", options->shards, "Threads for clients (0: one per usable CPU)")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command->callback([options, &result] {
    const Result<void> served = run_dev(*options);
    result.exit_code = served ? 0 : report_error(served.error());
  });
  return command;
}

}  // namespace ringgate
