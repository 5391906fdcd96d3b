// A real Consul agent of the test's own, fetched by scripts/consul, on ports and in a folder of its
// own. What it says is printed when it does not come up. It dies with the test. Errors of the
// harness are std::runtime_error, which GoogleTest reports as a failure with its text.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/common/temp_dir.h"

namespace ringgate::test {

struct ConsulAnswer {
  int status = 0;  // 0: no answer
  std::string body;
};

// Of the binary; fetches it if need be.
std::string consul_binary();

class ConsulAgent {
 public:
  struct Options {
    bool is_dev = true;  // One server that keeps nothing; else say in `arguments` what it is.
    std::vector<std::string> arguments{};
    std::string config{};  // JSON, beside the ports.
    bool wait = true;      // Until there is a leader.
  };

  ConsulAgent() : ConsulAgent(Options{}) {}
  explicit ConsulAgent(Options options);
  ~ConsulAgent();  // kill()
  ConsulAgent(const ConsulAgent&) = delete;
  ConsulAgent& operator=(const ConsulAgent&) = delete;

  [[nodiscard]] std::uint16_t port() const { return http_port_; }
  [[nodiscard]] std::uint16_t https_port() const { return https_port_; }  // 0 without TLS
  [[nodiscard]] std::uint16_t serf_port() const { return serf_port_; }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(http_port_); }
  [[nodiscard]] std::string url() const { return "http://" + address(); }

  void start();        // Again, on the same ports.
  void kill();         // SIGKILL: without a word to anybody.
  void stop();         // SIGTERM, and waits until it has ended.
  void pause() const;  // It answers nothing.
  void resume() const;
  void wait_for_leader() const;

  ConsulAnswer get(const std::string& path, const std::string& token = {}) const;
  ConsulAnswer put(const std::string& path, const std::string& body,
                   const std::string& token = {}) const;
  // Registers a service without a check, as another process would.
  void add(const std::string& id, const std::string& name, std::uint16_t port,
           const std::string& meta_json = R"({"protocol":"tcp"})") const;
  void remove(const std::string& id) const;
  // Whether the agent itself has it.
  [[nodiscard]] bool has(const std::string& id, const std::string& token = {}) const;

 private:
  void end(int signal);

  Options options_;
  TempDir folder_;
  std::uint16_t http_port_;
  std::uint16_t https_port_ = 0;
  std::uint16_t serf_port_;
  std::uint16_t server_port_;
  pid_t pid_ = -1;
};

}  // namespace ringgate::test
