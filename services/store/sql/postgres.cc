#include "services/store/sql/postgres.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

namespace ringgate::sql {
namespace {

using namespace std::string_view_literals;

// Of pg_type.h, which servers have and clients do not.
constexpr Oid kInt8 = 20;
constexpr Oid kBytea = 17;
constexpr Oid kText = 25;
constexpr int kHasIdleSessionTimeout = 140000;
constexpr int kHasTransactionTimeout = 170000;

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Reply = std::unique_ptr<PGresult, Clear>;

// By SQLSTATE, whose first two characters are the class.
StoreTrouble kind_of(std::string_view state) noexcept {
  if (state == "25006"sv) return StoreTrouble::kReadOnly;
  if (state == "53100"sv || state == "53200"sv) return StoreTrouble::kFull;
  if (state == "57P03"sv) return StoreTrouble::kLoading;
  if (state.starts_with("42"sv) || state.starts_with("3F"sv)) return StoreTrouble::kSchema;
  if (state.starts_with("28"sv) || state.starts_with("3D"sv)) return StoreTrouble::kDenied;
  // A value, a constraint, who came first, or what takes too long: of one call's own doing.
  if (state == "57014"sv || state == "55P03"sv || state.starts_with("22"sv) ||
      state.starts_with("23"sv) || state.starts_with("40"sv)) {
    return StoreTrouble::kAnswer;
  }
  // The server has ended a session for what it did not do in time.
  if (state == "25P03"sv || state == "25P04"sv) return StoreTrouble::kConnection;
  return state.starts_with("08"sv) || state.starts_with("57"sv) ? StoreTrouble::kConnection
                                                                : StoreTrouble::kOther;
}

// One line of what libpq says.
std::string line_of(const char* message) {
  std::string text(message == nullptr ? "" : message);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  for (char& c : text) {
    if (c == '\n' || c == '\t') c = ' ';
  }
  const auto twice = [](char before, char c) { return before == ' ' && c == ' '; };
  text.erase(std::ranges::unique(text, twice).begin(), text.end());
  return text;
}

}  // namespace

Trouble trouble_of(const PGresult* result) {
  const char* const state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* const message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string_view code = state == nullptr ? "" : state;
  return {.kind = kind_of(code),
          .why = line_of(message == nullptr ? PQresultErrorMessage(result) : message),
          .is_blocked = code == "55P03"sv};
}

// libpq has no code for it.
Trouble trouble_of(const PGconn* connection) {
  std::string why = line_of(PQerrorMessage(connection));
  StoreTrouble kind = StoreTrouble::kConnection;
  if (why.contains("authentication") || why.contains("no pg_hba.conf entry") ||
      why.contains("no password") || (why.contains("role") && why.contains("does not exist")) ||
      (why.contains("database") && why.contains("does not exist"))) {
    kind = StoreTrouble::kDenied;
  } else if (why.contains("starting up") || why.contains("shutting down")) {
    kind = StoreTrouble::kLoading;
  }
  return {kind, std::move(why)};
}

std::string settings_at_first(int server_version) {
  std::string settings =
      "SET default_transaction_read_only = off; SET statement_timeout = 0; "
      "SET idle_in_transaction_session_timeout = 0";
  if (server_version >= kHasIdleSessionTimeout) settings += "; SET idle_session_timeout = 0";
  if (server_version >= kHasTransactionTimeout) settings += "; SET transaction_timeout = 0";
  return settings;
}

std::string settings_for_calls(int server_version) {
  std::string settings = fmt::format("SET lock_timeout = {}", Postgres::kLockTimeout.count());
  if (server_version >= kHasTransactionTimeout) settings += "; SET transaction_timeout = '15s'";
  return settings;
}

Outcome<std::unique_ptr<Postgres>> Postgres::connect(const std::string& url) {
  // What the URL says wins over these.
  const std::array<const char*, 6> keys{"connect_timeout", "application_name", "tcp_user_timeout",
                                        "keepalives_idle", "dbname",           nullptr};
  const std::array<const char*, 6> values{"5", "ringgate", "10000", "10", url.c_str(), nullptr};
  PGconn* const connection = PQconnectdbParams(keys.data(), values.data(), 1);
  std::unique_ptr<Postgres> self(new Postgres(connection));
  if (PQstatus(connection) != CONNECTION_OK) return std::unexpected(trouble_of(connection));
  PQsetNoticeProcessor(connection, [](void*, const char*) {}, nullptr);
  const std::string_view encoding = PQparameterStatus(connection, "server_encoding");
  if (encoding != "UTF8"sv && encoding != "SQL_ASCII"sv) {
    return std::unexpected(
        Trouble{StoreTrouble::kSchema, "the database has encoding " + std::string(encoding) +
                                           ", where not every name fits; create one with UTF8"});
  }
  PQsetClientEncoding(connection, "UTF8");
  if (const Result<void> set = self->execute(settings_at_first(PQserverVersion(connection)));
      !set) {
    return std::unexpected(Trouble{self->trouble_, set.error().message});
  }
  return self;
}

Postgres::~Postgres() {
  PQfinish(connection_);
}

Outcome<void> Postgres::make_ready() {
  // An answer must mean that it is on the disk, whatever the server's default is; what nobody waits
  // for any more must not go on for ever, nor a session of a host that has gone.
  Result<void> set = execute(
      "SET synchronous_commit = on; SET statement_timeout = '10s'; SET lock_timeout = '10s'; "
      "SET idle_in_transaction_session_timeout = '10s'; SET tcp_keepalives_idle = 10; "
      "SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; SET bytea_output = 'hex'");
  if (!set) return std::unexpected(Trouble{trouble_, set.error().message});
  const Result<std::int64_t> version = schema_of(*this);
  if (version && *version > known_schema()) {
    return std::unexpected(Trouble{StoreTrouble::kSchema, newer_schema(*version)});
  }
  if (const Result<std::int64_t> migrated = migrate(*this); !migrated) {
    return std::unexpected(Trouble{trouble_, migrated.error().message});
  }
  set = execute(settings_for_calls(PQserverVersion(connection_)));
  if (!set) return std::unexpected(Trouble{trouble_, set.error().message});
  for (std::size_t i = 0; i < kStatements; ++i) {
    if (auto done = prepare(static_cast<Statement>(i)); !done) return done;
  }
  if (PQenterPipelineMode(connection_) != 1 || PQsetnonblocking(connection_, 1) != 0) {
    return std::unexpected(trouble_of(connection_));
  }
  return {};
}

Outcome<void> Postgres::prepare(Statement statement) {
  const StatementText& text = text_of(statement);
  std::vector<Oid> types;
  for (const char type : text.types) {
    types.push_back(type == 'n' ? kInt8 : type == 't' ? kText : kBytea);
  }
  const Reply reply(PQprepare(connection_, std::string(text.name).c_str(),
                              in_dialect(text, dialect()).c_str(), static_cast<int>(types.size()),
                              types.data()));
  if (PQresultStatus(reply.get()) == PGRES_COMMAND_OK) return {};
  return std::unexpected(trouble_of(reply.get()));
}

Result<void> Postgres::execute(const std::string& text) {
  const Reply reply(PQexec(connection_, text.c_str()));
  const ExecStatusType status = PQresultStatus(reply.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return {};
  Trouble trouble = trouble_of(reply.get());
  trouble_ = trouble.kind;
  return fail(std::move(trouble.why));
}

Result<std::optional<std::int64_t>> Postgres::number(const std::string& text) {
  const Reply reply(PQexec(connection_, text.c_str()));
  if (PQresultStatus(reply.get()) != PGRES_TUPLES_OK) {
    Trouble trouble = trouble_of(reply.get());
    trouble_ = trouble.kind;
    return fail(std::move(trouble.why));
  }
  if (PQntuples(reply.get()) == 0) return std::optional<std::int64_t>();
  const std::string_view value = PQgetvalue(reply.get(), 0, 0);
  std::int64_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return std::optional(number);
}

const Session::Dialect& Postgres::dialect() const {
  // The lock's number is "ring" and "gate" as bytes: nobody else's. It ends with the transaction.
  // to_regclass() would not see what others have committed while we waited for it.
  static constexpr Dialect kDialect{
      .shift = "current_setting('ringgate.shift')::bigint",
      .kept_shift = "send_shift, set_config('ringgate.shift', send_shift::text, true)",
      .number = "BIGINT",
      .text = "TEXT COLLATE \"C\"",
      .bytes = "BYTEA",
      .end_of_table = "",
      .begin = "BEGIN; SELECT pg_advisory_xact_lock(1919512167, 1734440037)",
      .has_schema =
          "SELECT 1 FROM pg_catalog.pg_tables WHERE tablename = 'ringgate_schema' "
          "AND schemaname = ANY (current_schemas(false))",
      // Others may have tables here, too, but none of our names.
      .in_the_way =
          "SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
          "ON n.oid = c.relnamespace WHERE n.nspname = current_schema() "
          "AND c.relname IN ({tables})",
      .what_is_in_the_way =
          "relations with names of ringgate's tables; give messages a database or a schema "
          "(search_path) of their own",
  };
  return kDialect;
}

}  // namespace ringgate::sql
