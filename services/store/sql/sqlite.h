// A SQLite database: one file, or memory. What was committed is on the disk (WAL, and a sync at
// each commit). Owned and used by one thread; it blocks.
#pragma once

#include <array>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "services/store/health.h"
#include "services/store/sql/migrations.h"
#include "services/store/sql/outcome.h"
#include "services/store/sql/sqlite_files.h"
#include "services/store/sql/statement.h"

struct sqlite3;
struct sqlite3_stmt;

namespace ringgate::sql {

class Sqlite final : public Session {
 public:
  enum class Access : std::uint8_t { kCreate, kReadOnly, kExisting };
  // An empty path: in memory. Creates the file, for its owner alone, and not its folder. Tables are
  // migrate()'s.
  [[nodiscard]] static Outcome<std::unique_ptr<Sqlite>> open(const std::string& path,
                                                             Access access = Access::kCreate);
  ~Sqlite() override;

  // The steps of each plan, all in one transaction, which is durable when this returns. Nothing of
  // it has happened where it fails, but in a file that has been lost (has_lost_its_file()): such a
  // commit fails, too.
  [[nodiscard]] Outcome<std::vector<Results>> run(std::span<const Plan> plans);

  // Whether there is what a writer needs: permission, and some room on the disk. Leaves nothing.
  [[nodiscard]] Outcome<void> try_to_write();

  // Why the last thing failed, after it did.
  [[nodiscard]] StoreTrouble last_trouble() const;
  // Somebody has removed or replaced the file, or written something else into it: what is written
  // goes nowhere. It is closed as it is then, its log stays.
  [[nodiscard]] bool has_lost_its_file() const;

  // --- Session -------------------------------------------------------------------------------
  [[nodiscard]] Result<void> execute(const std::string& text) override;
  [[nodiscard]] Result<std::optional<std::int64_t>> number(const std::string& text) override;
  [[nodiscard]] const Dialect& dialect() const override;

 private:
  Sqlite(std::string path, sqlite3* database) : path_(std::move(path)), database_(database) {}

  [[nodiscard]] Outcome<void> set_up(Access access);
  [[nodiscard]] Outcome<sqlite3_stmt*> prepared(Statement statement);
  [[nodiscard]] Outcome<Rows> run(const Step& step);
  [[nodiscard]] Outcome<void> command(const char* text);
  [[nodiscard]] std::unexpected<Trouble> trouble() const;

  std::string path_;
  sqlite3* database_;
  FileId file_;  // none: it is not looked after
  std::array<sqlite3_stmt*, kStatements> statements_{};
};

}  // namespace ringgate::sql
