#include "services/store/sql/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "control/base/unique_fd.h"

namespace ringgate::sql {
namespace {

constexpr int kBusyMs = 1'000;  // how long another process may hold the file

StoreTrouble trouble_of(int code) noexcept {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return StoreTrouble::kFull;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return StoreTrouble::kReadOnly;
    case SQLITE_CANTOPEN:
      return StoreTrouble::kConnection;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return StoreTrouble::kTimeout;
    case SQLITE_CONSTRAINT:
      return StoreTrouble::kAnswer;
    case SQLITE_ERROR:  // a statement that does not fit the tables
      return StoreTrouble::kSchema;
    default:
      return StoreTrouble::kOther;
  }
}

// SQLite numbers parameters by ?1, where $1 would be a name.
std::string with_question_marks(std::string_view text) {
  std::string own(text);
  std::ranges::replace(own, '$', '?');
  return own;
}

int bind(sqlite3_stmt* statement, int place, char type, const Value& value) {
  if (type == 'n') return sqlite3_bind_int64(statement, place, value.number);
  const char* const data = value.text.empty() ? "" : value.text.data();
  if (type == 't') {
    return sqlite3_bind_text64(statement, place, data, value.text.size(), SQLITE_STATIC,
                               SQLITE_UTF8);
  }
  return sqlite3_bind_blob64(statement, place, data, value.text.size(), SQLITE_STATIC);
}

Row row_of(sqlite3_stmt* statement) {
  Row row(static_cast<std::size_t>(sqlite3_column_count(statement)));
  for (int i = 0; i < static_cast<int>(row.size()); ++i) {
    Cell& cell = row[static_cast<std::size_t>(i)];
    if (sqlite3_column_type(statement, i) == SQLITE_INTEGER) {
      cell.number = sqlite3_column_int64(statement, i);
      continue;
    }
    const void* const data = sqlite3_column_blob(statement, i);
    const auto bytes = static_cast<std::size_t>(sqlite3_column_bytes(statement, i));
    if (bytes > 0) cell.text.assign(static_cast<const char*>(data), bytes);
  }
  return row;
}

// Of a pipe or a device SQLite would read, and wait.
Outcome<void> expect_regular_file(const std::string& path) {
  struct stat file{};
  if (stat(path.c_str(), &file) != 0 || S_ISREG(file.st_mode)) return {};
  return std::unexpected(Trouble{StoreTrouble::kConnection, "it is not a regular file"});
}

Trouble trouble_of_file(int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  const bool read_only = error == EROFS || error == EACCES;
  return {full        ? StoreTrouble::kFull
          : read_only ? StoreTrouble::kReadOnly
                      : StoreTrouble::kConnection,
          std::strerror(error)};
}

// What is said is nobody else's to read.
Outcome<void> create_file(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (file) return {};
  return std::unexpected(trouble_of_file(errno));
}

}  // namespace

Outcome<std::unique_ptr<Sqlite>> Sqlite::open(const std::string& path, Access access) {
  const bool creates = access == Access::kCreate;
  if (auto regular = expect_regular_file(path); !regular) {
    return std::unexpected(regular.error());
  }
  if (!path.empty() && creates) {
    if (auto created = create_file(path); !created) return std::unexpected(created.error());
  }
  sqlite3* database = nullptr;
  const bool writes = access != Access::kReadOnly;
  const int flags = (writes ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX;
  const int opened =
      sqlite3_open_v2(path.empty() ? ":memory:" : path.c_str(), &database, flags, nullptr);
  std::unique_ptr<Sqlite> self(new Sqlite(path, database));
  if (opened != SQLITE_OK) return self->trouble();
  if (auto set_up = self->set_up(access); !set_up) return std::unexpected(set_up.error());
  return self;
}

Sqlite::~Sqlite() {
  // Its log is not for what is there now.
  if (has_lost_its_file()) {
    sqlite3_db_config(database_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }
  for (sqlite3_stmt* const statement : statements_) sqlite3_finalize(statement);
  sqlite3_close(database_);
}

Outcome<void> Sqlite::set_up(Access access) {
  sqlite3_extended_result_codes(database_, 1);
  sqlite3_busy_timeout(database_, kBusyMs);
  if (path_.empty() || access != Access::kCreate) return {};
  file_ = file_id(path_);
  // FULL: a commit is synced before it returns. The log is folded into the file less often than by
  // default, since whoever commits then waits for that.
  return command(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000; "
      "PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;");
}

std::unexpected<Trouble> Sqlite::trouble() const {
  if (database_ == nullptr) {
    return std::unexpected(Trouble{StoreTrouble::kConnection, "out of memory"});
  }
  const int code = sqlite3_extended_errcode(database_);
  std::string why = sqlite3_errmsg(database_);
  if (const int error = sqlite3_system_errno(database_); error != 0 && (code & 0xff) != SQLITE_OK) {
    why.append(" (").append(std::strerror(error)).append(")");
    if (error == ENOSPC || error == EDQUOT) {
      return std::unexpected(Trouble{StoreTrouble::kFull, std::move(why)});
    }
  }
  return std::unexpected(Trouble{trouble_of(code), std::move(why)});
}

Outcome<void> Sqlite::command(const char* text) {
  if (sqlite3_exec(database_, text, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return trouble();
}

Outcome<sqlite3_stmt*> Sqlite::prepared(Statement statement) {
  sqlite3_stmt*& place = statements_[static_cast<std::size_t>(statement)];
  if (place != nullptr) return place;
  const std::string text = with_question_marks(in_dialect(text_of(statement), dialect()));
  if (sqlite3_prepare_v3(database_, text.c_str(), static_cast<int>(text.size()),
                         SQLITE_PREPARE_PERSISTENT, &place, nullptr) != SQLITE_OK) {
    return trouble();
  }
  return place;
}

Outcome<Rows> Sqlite::run(const Step& step) {
  const Outcome<sqlite3_stmt*> found = prepared(step.statement);
  if (!found) return std::unexpected(found.error());
  sqlite3_stmt* const statement = *found;
  const std::string_view types = text_of(step.statement).types;
  for (std::size_t i = 0; i < step.count; ++i) {
    bind(statement, static_cast<int>(i) + 1, types[i], step.values[i]);
  }
  Rows rows;
  int stepped = SQLITE_ROW;
  while ((stepped = sqlite3_step(statement)) == SQLITE_ROW) rows.rows.push_back(row_of(statement));
  if (stepped == SQLITE_DONE) {
    rows.changed = sqlite3_stmt_readonly(statement) != 0 ? 0 : sqlite3_changes64(database_);
    sqlite3_reset(statement);
    return rows;
  }
  auto why = trouble();
  sqlite3_reset(statement);
  return why;
}

Outcome<std::vector<Results>> Sqlite::run(std::span<const Plan> plans) {
  if (auto begun = command("BEGIN IMMEDIATE"); !begun) return std::unexpected(begun.error());
  std::vector<Results> all;
  all.reserve(plans.size());
  Outcome<void> done;
  for (std::size_t i = 0; done && i < plans.size(); ++i) {
    Results results;
    results.reserve(plans[i].size());
    for (std::size_t k = 0; done && k < plans[i].size(); ++k) {
      Outcome<Rows> rows = run(plans[i][k]);
      if (rows) {
        results.push_back(std::move(*rows));
      } else {
        done = std::unexpected(rows.error());
        const StoreTrouble kind = done.error().kind;
        done.error().is_of_a_statement =
            kind == StoreTrouble::kSchema || kind == StoreTrouble::kOther;
      }
    }
    all.push_back(std::move(results));
  }
  if (done) done = command("COMMIT");
  // What is in a file that nobody can open any more is kept by nobody.
  if (done && has_lost_its_file()) {
    done = std::unexpected(
        Trouble{StoreTrouble::kConnection, "the file has been removed or replaced"});
  }
  if (done) return all;
  // Some errors have rolled it back already.
  if (sqlite3_get_autocommit(database_) == 0) {
    [[maybe_unused]] const auto undone = command("ROLLBACK");
  }
  return std::unexpected(done.error());
}

// A write that is rolled back stays in memory, and says nothing of the disk: a file beside does.
Outcome<void> Sqlite::try_to_write() {
  constexpr off_t kRoom = 256 * 1024;  // for a few of the longest talks
  if (auto begun = command("BEGIN IMMEDIATE"); !begun) return begun;
  const Outcome<void> written = command("UPDATE ringgate_schema SET probed_at = probed_at");
  if (sqlite3_get_autocommit(database_) == 0) {
    [[maybe_unused]] const auto undone = command("ROLLBACK");
  }
  if (!written) return written;
  const std::string beside = path_ + ".check";
  const UniqueFd file(
      ::open(beside.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  const int error = file ? posix_fallocate(file.get(), 0, kRoom) : errno;
  if (file) unlink(beside.c_str());
  return error == 0 ? Outcome<void>() : std::unexpected(trouble_of_file(error));
}

StoreTrouble Sqlite::last_trouble() const {
  const int code = sqlite3_errcode(database_) & 0xff;
  // A sentence of our own, about tables.
  if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return StoreTrouble::kSchema;
  return trouble().error().kind;
}

bool Sqlite::has_lost_its_file() const {
  if (file_ == FileId{}) return false;
  errno = 0;
  const FileId now = file_id(path_);
  if (now == FileId{}) return errno == ENOENT || errno == ENOTDIR;
  return now != file_ || !begins_as_database(database_);
}

Result<void> Sqlite::execute(const std::string& text) {
  const Outcome<void> done = command(text.c_str());
  if (!done) return fail(done.error().why);
  return {};
}

Result<std::optional<std::int64_t>> Sqlite::number(const std::string& text) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database_, text.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
    return fail(trouble().error().why);
  }
  const int stepped = sqlite3_step(statement);
  std::optional<std::int64_t> number;
  if (stepped == SQLITE_ROW) number = sqlite3_column_int64(statement, 0);
  const std::string why =
      stepped == SQLITE_ROW || stepped == SQLITE_DONE ? "" : trouble().error().why;
  sqlite3_finalize(statement);
  if (!why.empty()) return fail(why);
  return number;
}

const Session::Dialect& Sqlite::dialect() const {
  static constexpr Dialect kDialect{
      .shift = "0",  // one process has it, and knows what it has given
      .kept_shift = "send_shift",
      .number = "INTEGER",
      .text = "TEXT",
      .bytes = "BLOB",
      .end_of_table = " WITHOUT ROWID",
      .begin = "BEGIN EXCLUSIVE",
      .has_schema = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'ringgate_schema'",
      .in_the_way =
          "SELECT count(*) FROM sqlite_schema WHERE type IN ('table', 'view') "
          "AND substr(name, 1, 7) <> 'sqlite_'",
      .what_is_in_the_way = "tables; give messages a file of their own",
  };
  return kDialect;
}

}  // namespace ringgate::sql
