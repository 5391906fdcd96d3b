#include "tests/services/store/sql/postgres_server.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <thread>

#include "tests/common/free_port.h"

namespace ringgate::test {
namespace {

namespace fs = std::filesystem;

// Debian keeps them apart by version, not in PATH.
fs::path programs() {
  fs::path newest;
  std::error_code ignored;
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    const fs::path folder = version.path() / "bin";
    if (fs::exists(folder / "initdb") && folder > newest) newest = folder;
  }
  if (newest.empty()) throw std::runtime_error("no PostgreSQL here: install postgresql");
  return newest;
}

// Whom it runs as.
const passwd& user() {
  const passwd* const postgres = getpwnam("postgres");
  if (postgres == nullptr) throw std::runtime_error("no user postgres: install postgresql");
  return *postgres;
}

// A process group of its own, which ends when the test does.
pid_t start_process(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const bool is_root = geteuid() == 0;
  const passwd who = is_root ? user() : passwd{};
  const pid_t pid = fork();
  if (pid != 0) return pid;
  setpgid(0, 0);
  if (is_root && (setgid(who.pw_gid) != 0 || setuid(who.pw_uid) != 0)) _exit(126);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (freopen("/dev/null", "w", stdout) == nullptr) _exit(126);
  if (std::getenv("RINGGATE_TEST_POSTGRES_LOG") == nullptr &&
      freopen("/dev/null", "w", stderr) == nullptr) {
    _exit(126);
  }
  if (chdir("/") != 0) _exit(126);
  execv(arguments[0], arguments.data());
  _exit(127);
}

}  // namespace

PostgresServer::PostgresServer() : port_(free_port()) {
  if (geteuid() == 0) {
    fs::permissions(folder_.path(), fs::perms::owner_all | fs::perms::others_exec);
    if (chown(folder_.path().c_str(), user().pw_uid, user().pw_gid) != 0) {
      throw std::runtime_error("the folder for PostgreSQL cannot be given to it");
    }
  }
  const pid_t made = start_process({programs() / "initdb", "-D", folder_.path() / "data", "-U",
                                    "postgres", "--auth-local=trust", "--auth-host=scram-sha-256",
                                    "--encoding=UTF8", "--locale=C", "--no-sync"});
  int status = 0;
  waitpid(made, &status, 0);
  if (status != 0)
    throw std::runtime_error("initdb failed: RINGGATE_TEST_POSTGRES_LOG=1 shows why");
  start();
}

PostgresServer::~PostgresServer() {
  stop();
}

void PostgresServer::spawn() {
  pid_ = start_process({programs() / "postgres", "-D", folder_.path() / "data", "-k",
                        folder_.path().string(), "-p", std::to_string(port_), "-c",
                        "listen_addresses=127.0.0.1", "-c", "max_connections=30", "-c",
                        "shared_buffers=16MB", "-c", "dynamic_shared_memory_type=mmap"});
}

void PostgresServer::start() {
  spawn();
  for (int i = 0; i < 20'000; ++i) {
    // While a process of the one before has not gone yet, it gives up.
    if (waitpid(pid_, nullptr, WNOHANG) == pid_) spawn();
    if (ask("postgres", "SELECT 'here'") == "here") return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  throw std::runtime_error("PostgreSQL does not answer: RINGGATE_TEST_POSTGRES_LOG=1 shows why");
}

// Each connection has a process in a session of its own, so the group is not all of them.
void PostgresServer::signal_all(int signal) const {
  std::vector<pid_t> all{pid_};
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream stat(entry.path() / "stat");
    std::string text;
    std::getline(stat, text);
    const std::size_t end = text.rfind(") ");
    if (end == std::string::npos) continue;
    if (std::atoi(text.c_str() + end + 4) == pid_) all.push_back(std::stoi(name));
  }
  for (const pid_t pid : all) kill(pid, signal);
}

void PostgresServer::stop() {
  if (pid_ < 0) return;
  signal_all(SIGCONT);
  signal_all(SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void PostgresServer::pause() {
  signal_all(SIGSTOP);
}

void PostgresServer::resume() {
  signal_all(SIGCONT);
}

std::string PostgresServer::url(const std::string& database) {
  if (ask("postgres", "SELECT 1 FROM pg_database WHERE datname = '" + database + "'") != "1") {
    ask("postgres", "CREATE DATABASE " + database);
  }
  ask("postgres", "CREATE ROLE chat LOGIN PASSWORD 'app_secret'");
  ask("postgres", "ALTER DATABASE " + database + " OWNER TO chat");
  return fmt::format("postgresql://chat:app_secret@127.0.0.1:{}/{}", port_, database);
}

std::string PostgresServer::ask(const std::string& database, const std::string& statement) {
  const std::string how = fmt::format("host={} port={} user=postgres dbname={} connect_timeout=5",
                                      folder_.path().string(), port_, database);
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(how.c_str()), PQfinish);
  if (PQstatus(connection.get()) != CONNECTION_OK) return PQerrorMessage(connection.get());
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(
      PQexec(connection.get(), statement.c_str()), PQclear);
  if (PQresultStatus(result.get()) == PGRES_COMMAND_OK) return {};
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) return PQresultErrorMessage(result.get());
  return PQntuples(result.get()) == 0 ? std::string() : PQgetvalue(result.get(), 0, 0);
}

}  // namespace ringgate::test
