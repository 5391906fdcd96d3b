// A real PostgreSQL of the test's own: in a folder that goes away, on a unix socket there and on a
// free port of loopback. It refuses to run as root, so then it is the user postgres.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/common/temp_dir.h"

namespace ringgate::test {

class PostgresServer {
 public:
  PostgresServer();
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  void start();  // and waits until it answers
  void stop();   // by SIGKILL to all of its processes: what it had committed is on the disk
  void pause();  // every process of it, and of connections
  void resume();

  // Of a database of that name, which is made if it is not there; "app_secret" is its password.
  [[nodiscard]] std::string url(const std::string& database);
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  // As its administrator. The first column of the first row, or the error.
  std::string ask(const std::string& database, const std::string& statement);

 private:
  void spawn();
  void signal_all(int signal) const;

  TempDir folder_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace ringgate::test
