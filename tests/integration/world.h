// A folder with a registry file, and the processes and pretended services that meet in it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "control/discovery/instance.h"
#include "tests/common/temp_dir.h"
#include "tests/integration/packets.h"
#include "tests/integration/process.h"

namespace ringgate::test {

// Configuration keys to values as YAML takes them.
using Settings = std::map<std::string, std::string>;

// A Listen of two entries, and the settings with it.
inline constexpr const char* kTcpAndWs = R"(["127.0.0.1:0", "ws://127.0.0.1:0/"])";
[[nodiscard]] Settings with_ws(Settings settings = {});

// The registry file.
class World {
 public:
  [[nodiscard]] const TempDir& folder() const { return folder_; }
  [[nodiscard]] std::string registry_file() const {
    return (folder_.path() / "services.json").string();
  }
  void add(const Instance& service) const;  // or change it
  void remove(const std::string& id) const;
  // The configuration of a process, written to <id>.yaml: what a test does not set is set to what
  // tests want. An empty value leaves a key out.
  std::string config(const std::string& role, const std::string& id,
                     const Settings& settings) const;

 private:
  TempDir folder_;
};

// A ringgate process that listens for clients (gateway) or gateways (login, chat, echo).
class Server {
 public:
  Server(const World& world, const std::string& role, const std::string& id,
         const Settings& settings = {}, const Streams& streams = {},
         const std::vector<std::string>& flags = {});
  // `ringgate dev` on free ports.
  explicit Server(const std::vector<std::string>& dev_arguments);

  [[nodiscard]] ProcessUnderTest& process() { return *process_; }
  // Of its first listener of each kind; 0: none.
  [[nodiscard]] std::uint16_t port() const { return tcp_ports_.empty() ? 0 : tcp_ports_.front(); }
  [[nodiscard]] std::uint16_t ws_port() const { return ws_ports_.empty() ? 0 : ws_ports_.front(); }
  [[nodiscard]] const std::vector<std::uint16_t>& tcp_ports() const { return tcp_ports_; }
  [[nodiscard]] const std::vector<std::uint16_t>& ws_ports() const { return ws_ports_; }
  // The same over TLS.
  [[nodiscard]] std::uint16_t tls_port() const {
    return tls_ports_.empty() ? 0 : tls_ports_.front();
  }
  [[nodiscard]] std::uint16_t wss_port() const {
    return wss_ports_.empty() ? 0 : wss_ports_.front();
  }
  [[nodiscard]] std::uint16_t monitor() const { return monitor_; }
  // What tokens for it are signed with.
  [[nodiscard]] const std::string& secret() const { return secret_; }
  [[nodiscard]] FrameSocket connect() const { return FrameSocket(Socket::connect(port())); }
  [[nodiscard]] Socket connect_raw() const { return Socket::connect(port()); }

  struct Reply {
    int status = 0;
    std::string body;
  };
  [[nodiscard]] Reply get(const std::string& path) const;
  // The sum over all series of a metric whose labels contain `label`; -1 when there is none.
  [[nodiscard]] double metric(const std::string& name, const std::string& label = {}) const;
  // Asks until the metric has at least that value. Throws when it does not get there.
  void wait_metric(const std::string& name, double at_least, const std::string& label = {}) const;
  void wait_metric_is(const std::string& name, double value, const std::string& label = {}) const;

 private:
  // Of so many listeners, in the order in which they were announced.
  [[nodiscard]] std::vector<std::uint16_t> announced(const std::string& transport,
                                                     std::size_t count);

  std::unique_ptr<ProcessUnderTest> process_;
  std::vector<std::uint16_t> tcp_ports_;
  std::vector<std::uint16_t> ws_ports_;
  std::vector<std::uint16_t> tls_ports_;
  std::vector<std::uint16_t> wss_ports_;
  std::uint16_t monitor_ = 0;
  bool is_monitor_tls_ = false;
  std::string secret_;
};

class Redis {
 public:
  explicit Redis(const World& world);
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  std::uint16_t port_;
  ProcessUnderTest process_;
};

// Asks until it is true. Throws with `what` when it does not become so.
template <class Condition>
void wait_until(const std::string& what, Condition&& condition) {
  const auto until = SteadyClock::now() + kPatience;
  while (!condition()) {
    if (SteadyClock::now() > until) throw std::runtime_error("waited in vain: " + what);
    std::this_thread::sleep_for(5ms);
  }
}

}  // namespace ringgate::test
