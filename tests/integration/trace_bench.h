// What tests of the flight recorder share: a gateway with an admin port, and what it says there.
#pragma once

#include <string>
#include <vector>

#include "tests/common/free_port.h"
#include "tests/integration/command_run.h"
#include "tests/integration/raw_service.h"

namespace ringgate::test {

inline Settings with_admin(std::uint16_t port, Settings settings = {}) {
  settings.emplace("AdminPort", std::to_string(port));
  return settings;
}

// The body of what the admin port answers.
struct AdminAnswer {
  int status = 0;
  std::string body;
};
inline AdminAnswer admin_get(std::uint16_t port, const std::string& target) {
  Socket socket = Socket::connect(port);
  socket.write_all("GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
                   "\r\nConnection: close\r\n\r\n");
  std::string text;
  while (socket.read_some(text)) {
  }
  const std::size_t body = text.find("\r\n\r\n");
  if (text.size() < 12 || body == std::string::npos) return {};
  return {std::stoi(text.substr(9, 3)), text.substr(body + 4)};
}

// What is recorded of an account.
inline Ended recorded(std::uint16_t port, const std::string& account,
                      const std::vector<std::string>& more = {}) {
  std::vector<std::string> words = {"trace",     "--gateway", "127.0.0.1:" + std::to_string(port),
                                    "--account", account,     "--for",
                                    "0s"};
  words.insert(words.end(), more.begin(), more.end());
  return run(words);
}
// The same, until it has that.
inline std::string recorded_with(std::uint16_t port, const std::string& account,
                                 const std::string& words,
                                 const std::vector<std::string>& more = {}) {
  std::string output;
  wait_until("trace says: " + words, [&] {
    output = recorded(port, account, more).output;
    return output.find(words) != std::string::npos;
  });
  return output;
}

struct TraceBench {
  explicit TraceBench(const Settings& settings = {}) : bench(with_admin(port, settings)) {}
  TraceBench(const TraceBench&) = delete;
  TraceBench& operator=(const TraceBench&) = delete;
  std::uint16_t port = free_port();
  TalkBench bench;
};

}  // namespace ringgate::test
