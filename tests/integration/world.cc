#include "tests/integration/world.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

#include "control/discovery/file_store.h"
#include "tests/common/free_port.h"

namespace ringgate::test {
namespace {

void change_registry(const std::string& file,
                     const std::function<Result<bool>(std::vector<Instance>&)>& change) {
  const Result<void> changed = update_services(file, change);
  if (!changed) throw std::runtime_error("registry file: " + changed.error().message);
}

std::uint16_t port_of(const std::string& line) {
  return static_cast<std::uint16_t>(std::stoul(line.substr(line.rfind(':') + 1)));
}

std::size_t count_of(const std::string& text, std::string_view word) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    ++count;
  }
  return count;
}

}  // namespace

Settings with_ws(Settings settings) {
  settings.emplace("Listen", kTcpAndWs);
  return settings;
}

void World::add(const Instance& service) const {
  change_registry(registry_file(), [&](std::vector<Instance>& services) -> Result<bool> {
    std::erase_if(services, [&](const Instance& other) { return other.id == service.id; });
    services.push_back(service);
    return true;
  });
}

void World::remove(const std::string& id) const {
  change_registry(registry_file(), [&](std::vector<Instance>& services) -> Result<bool> {
    std::erase_if(services, [&](const Instance& other) { return other.id == id; });
    return true;
  });
}

std::string World::config(const std::string& role, const std::string& id,
                          const Settings& settings) const {
  Settings all = {
      {"ServiceID", id},    {"Listen", "127.0.0.1:0"}, {"RegistryFile", registry_file()},
      {"Shards", "1"},      {"PinShards", "false"},    {"AdultAfter", "0s"},
      {"RedialMin", "5ms"}, {"RedialMax", "20ms"}};
  if (role == "chat") all["MessageStore"] = "memory";
  if (role == "gateway") all["AppSecret"] = std::string(kSecret);
  for (const auto& [key, value] : settings) all[key] = value;
  std::string yaml;
  for (const auto& [key, value] : all) {
    if (!value.empty()) yaml.append(key).append(": ").append(value).append("\n");
  }
  return folder_.write(id + ".yaml", yaml).string();
}

Server::Server(const World& world, const std::string& role, const std::string& id,
               const Settings& settings, const Streams& streams,
               const std::vector<std::string>& flags)
    : secret_(kSecret) {
  Settings with_monitor = settings;
  with_monitor.emplace("MonitorPort", std::to_string(free_port()));
  std::vector<std::string> words = {role, "-c", world.config(role, id, with_monitor)};
  words.insert(words.end(), flags.begin(), flags.end());
  process_ = std::make_unique<ProcessUnderTest>(ProcessUnderTest::ringgate(words), streams);
  const auto listen = settings.find("Listen");
  const std::string entries = listen == settings.end() ? std::string() : listen->second;
  const std::size_t ws = count_of(entries, "ws://");
  const std::size_t tls = count_of(entries, "tls://");
  const std::size_t wss = count_of(entries, "wss://");
  const std::size_t without_port = count_of(entries, "unix:");
  tcp_ports_ = announced("tcp", count_of(entries, ",") + 1 - ws - tls - wss - without_port);
  ws_ports_ = announced("ws", ws);
  tls_ports_ = announced("tls", tls);
  wss_ports_ = announced("wss", wss);
  const std::string line = process_->wait_for_line("monitor http");
  is_monitor_tls_ = line.contains("https://");
  monitor_ = port_of(line);
}

Server::Server(const std::vector<std::string>& dev_arguments) : secret_(kDevelopmentSecret) {
  std::vector<std::string> arguments = {"dev",
                                        "--tcp",
                                        "127.0.0.1:0",
                                        "--ws",
                                        "127.0.0.1:0",
                                        "--admin",
                                        "127.0.0.1:" + std::to_string(free_port())};
  if (std::ranges::find(dev_arguments, "--data") == dev_arguments.end()) {
    arguments.insert(arguments.end(), {"--data", "memory"});
  }
  arguments.insert(arguments.end(), dev_arguments.begin(), dev_arguments.end());
  process_ = std::make_unique<ProcessUnderTest>(ProcessUnderTest::ringgate(arguments));
  tcp_ports_ = announced("tcp", 1);
  ws_ports_ = announced("ws", 1);
  monitor_ = port_of(process_->wait_for_line("monitor http://"));
}

std::vector<std::uint16_t> Server::announced(const std::string& transport, std::size_t count) {
  const std::string announcement = "listening " + transport + " ";
  std::vector<std::uint16_t> ports;
  if (count == 0) return ports;
  process_->wait_for_line(announcement);  // tells at once when the process has ended instead
  wait_until("listeners", [&] {
    ports.clear();
    std::istringstream lines(process_->output());
    for (std::string line; std::getline(lines, line) && !lines.eof();) {
      const bool has_port = line.find("unix:") == std::string::npos;
      if (has_port && line.find(announcement) != std::string::npos) ports.push_back(port_of(line));
    }
    return ports.size() >= count;
  });
  return ports;
}

Server::Reply Server::get(const std::string& path) const {
  Socket socket = is_monitor_tls_ ? Socket::connect_tls(monitor_) : Socket::connect(monitor_);
  socket.write_all("GET " + path + " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
  std::string text;
  while (socket.read_some(text)) {
  }
  const std::size_t head = text.find("\r\n\r\n");
  if (!text.starts_with("HTTP/1.1 ") || head == std::string::npos) {
    throw std::runtime_error("no HTTP: " + text);
  }
  return {std::atoi(text.c_str() + 9), text.substr(head + 4)};
}

double Server::metric(const std::string& name, const std::string& label) const {
  // Of each shard, so that a label may name one.
  std::istringstream lines(get("/metrics?per_shard=1").body);
  double sum = 0;
  bool found = false;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t end = line.find_first_of("{ ");
    if (line.substr(0, end) != name || line.find(label) == std::string::npos) continue;
    sum += std::strtod(line.c_str() + line.rfind(' '), nullptr);
    found = true;
  }
  return found ? sum : -1;
}

void Server::wait_metric(const std::string& name, double at_least, const std::string& label) const {
  wait_until(name + " " + label, [&] { return metric(name, label) >= at_least; });
}

void Server::wait_metric_is(const std::string& name, double value, const std::string& label) const {
  wait_until(name + " " + label, [&] { return std::abs(metric(name, label) - value) < 0.5; });
}

Redis::Redis(const World& world)
    : port_(free_port()),
      process_({"redis-server", "--port", std::to_string(port_), "--bind", "127.0.0.1", "--save",
                "", "--appendonly", "no", "--dir", world.folder().path().string()}) {
  process_.wait_for_line("Ready to accept connections");
}

}  // namespace ringgate::test
