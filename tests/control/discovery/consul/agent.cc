#include "tests/control/discovery/consul/agent.h"

#include <fcntl.h>
#include <httplib.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

#include "control/base/unique_fd.h"
#include "tests/common/free_port.h"

namespace ringgate::test {
namespace {

constexpr std::chrono::seconds kPatience{30};

std::string text_of(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

// Between fork and exec: only what is safe there.
[[noreturn]] void become(char* const* arguments, int log, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execv(arguments[0], arguments);
  _exit(127);
}

void wait_until(const std::function<bool()>& condition, const std::function<std::string()>& text) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error(text());
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

httplib::Headers headers_of(const std::string& token) {
  return token.empty() ? httplib::Headers{} : httplib::Headers{{"X-Consul-Token", token}};
}

ConsulAnswer answer_of(const httplib::Result& result) {
  return result ? ConsulAnswer{result->status, result->body} : ConsulAnswer{};
}

}  // namespace

std::string consul_binary() {
  static const std::string found = [] {
    const std::unique_ptr<FILE, int (*)(FILE*)> script(popen(RINGGATE_CONSUL_SCRIPT " path", "r"),
                                                       &pclose);
    std::string path(4096, '\0');
    path.resize(script ? fread(path.data(), 1, path.size(), script.get()) : 0);
    while (path.ends_with('\n')) path.pop_back();
    if (path.empty()) throw std::runtime_error("scripts/consul path: no Consul, see above");
    return path;
  }();
  return found;
}

ConsulAgent::ConsulAgent(Options options)
    : options_(std::move(options)),
      http_port_(free_port()),
      serf_port_(free_port()),
      server_port_(free_port()) {
  if (options_.config.find("cert_file") != std::string::npos) https_port_ = free_port();
  start();
}

ConsulAgent::~ConsulAgent() {
  kill();
}

void ConsulAgent::start() {
  const std::string binary = consul_binary();
  std::vector<std::string> words = {
      binary,
      "agent",
      "-bind=127.0.0.1",
      "-client=127.0.0.1",
      "-log-level=warn",
      "-node=node" + std::to_string(http_port_),
      "-http-port=" + std::to_string(http_port_),
      "-https-port=" + std::to_string(https_port_ == 0 ? -1 : https_port_),
      "-serf-lan-port=" + std::to_string(serf_port_),
      "-serf-wan-port=-1",
      "-server-port=" + std::to_string(server_port_),
      "-dns-port=-1",
      "-grpc-port=-1",
      "-hcl=leave_on_terminate=false",
  };
  if (options_.is_dev) {
    words.emplace_back("-dev");
  } else {
    words.emplace_back("-data-dir=" + (folder_.path() / "data").string());
  }
  words.insert(words.end(), options_.arguments.begin(), options_.arguments.end());
  if (!options_.config.empty()) {
    words.emplace_back("-config-file=" + folder_.write("agent.json", options_.config).string());
  }
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const UniqueFd log(
      open((folder_.path() / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) become(arguments.data(), log.get(), parent);
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (options_.wait) wait_for_leader();
}

void ConsulAgent::wait_for_leader() const {
  wait_until(
      [this] {
        const ConsulAnswer answer = get("/v1/status/leader");
        // A server that has just become the leader has not entered itself yet.
        return answer.status == 200 && answer.body.find(':') != std::string::npos &&
               get("/v1/health/service/consul?passing").body.find(R"("consul")") !=
                   std::string::npos;
      },
      [this] { return "Consul has no leader: " + text_of(folder_.path() / "log"); });
}

void ConsulAgent::end(int signal) {
  if (pid_ < 0) return;
  ::kill(pid_, signal);
  ::kill(pid_, SIGCONT);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void ConsulAgent::kill() {
  end(SIGKILL);
}

void ConsulAgent::stop() {
  end(SIGTERM);
}

void ConsulAgent::pause() const {
  ::kill(pid_, SIGSTOP);
}

void ConsulAgent::resume() const {
  ::kill(pid_, SIGCONT);
}

ConsulAnswer ConsulAgent::get(const std::string& path, const std::string& token) const {
  httplib::Client client("127.0.0.1", http_port_);
  client.set_read_timeout(kPatience);
  return answer_of(client.Get(path, headers_of(token)));
}

ConsulAnswer ConsulAgent::put(const std::string& path, const std::string& body,
                              const std::string& token) const {
  httplib::Client client("127.0.0.1", http_port_);
  client.set_read_timeout(kPatience);
  return answer_of(client.Put(path, headers_of(token), body, "application/json"));
}

void ConsulAgent::add(const std::string& id, const std::string& name, std::uint16_t port,
                      const std::string& meta_json) const {
  const ConsulAnswer answer =
      put("/v1/agent/service/register", R"({"ID":")" + id + R"(","Name":")" + name +
                                            R"(","Address":"127.0.0.1","Port":)" +
                                            std::to_string(port) + R"(,"Meta":)" + meta_json + "}");
  if (answer.status != 200) throw std::runtime_error("register " + id + ": " + answer.body);
}

void ConsulAgent::remove(const std::string& id) const {
  put("/v1/agent/service/deregister/" + id, "");
}

bool ConsulAgent::has(const std::string& id, const std::string& token) const {
  return get("/v1/agent/service/" + id, token).status == 200;
}

}  // namespace ringgate::test
