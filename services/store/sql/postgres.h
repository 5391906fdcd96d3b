// A connection to PostgreSQL: blocking while it is made and while tables are changed, pipelined
// once it is the backend's (postgres_backend.h).
//
// Made on any thread, then used by one.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "services/store/sql/migrations.h"
#include "services/store/sql/outcome.h"
#include "services/store/sql/statement.h"

struct pg_conn;
struct pg_result;

namespace ringgate::sql {

class Postgres final : public Session {
 public:
  // How long a statement waits for what another session holds. Two transactions that wait, one
  // after another, are told before their callers are.
  static constexpr std::chrono::milliseconds kLockTimeout{500};

  // Blocks, for as long as names and servers take to answer: connect_timeout of the URL, 5 s
  // without.
  [[nodiscard]] static Outcome<std::unique_ptr<Postgres>> connect(const std::string& url);
  ~Postgres() override;

  // Tables as this ringgate wants them, every statement prepared, and from then on pipelined.
  // Blocks.
  [[nodiscard]] Outcome<void> make_ready();

  [[nodiscard]] pg_conn* get() const noexcept { return connection_; }

  // --- Session, before make_ready() ------------------------------------------------------------
  [[nodiscard]] Result<void> execute(const std::string& text) override;
  [[nodiscard]] Result<std::optional<std::int64_t>> number(const std::string& text) override;
  [[nodiscard]] const Dialect& dialect() const override;

 private:
  explicit Postgres(pg_conn* connection) : connection_(connection) {}

  [[nodiscard]] Outcome<void> prepare(Statement statement);

  pg_conn* connection_;
  // Of the last thing that failed; before one does, sentences of our own are about tables.
  StoreTrouble trouble_ = StoreTrouble::kSchema;
};

// What a session begins with, by PQserverVersion: whatever a server, a database or a role bounds
// its sessions by is for those that have no bounds of their own, and must not end one of ours that
// waits or counts, nor keep it from writing.
[[nodiscard]] std::string settings_at_first(int server_version);
// Tables may take longer to change than calls wait for each other, so these come after that. A
// server that can end a session that stays within a transaction by itself shall do so; before,
// others do (PostgresBackend::end_stuck).
[[nodiscard]] std::string settings_for_calls(int server_version);

// Why a result is an error.
[[nodiscard]] Trouble trouble_of(const pg_result* result);
// Why the connection broke.
[[nodiscard]] Trouble trouble_of(const pg_conn* connection);

}  // namespace ringgate::sql
