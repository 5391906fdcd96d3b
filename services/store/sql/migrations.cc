#include "services/store/sql/migrations.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <utility>
#include <vector>

namespace ringgate::sql {
namespace {

// Step i leads to version i + 1, and never changes once a release has it. {n}, {t}, {b} and {end}
// are the dialect's.
constexpr std::array kSteps = std::to_array<std::string_view>({
    // message_content: what was said, once. message_index: who has it, in the order of reading.
    R"sql(
CREATE TABLE message_content (
  id {n} PRIMARY KEY,
  app {t} NOT NULL,
  sender {t} NOT NULL,
  send_time {n} NOT NULL,
  type {n} NOT NULL,
  body {b} NOT NULL,
  extra {b} NOT NULL
);
CREATE TABLE message_index (
  app {t} NOT NULL,
  owner {t} NOT NULL,
  send_time {n} NOT NULL,
  message_id {n} NOT NULL,
  sender {t} NOT NULL,
  group_id {t} NOT NULL,
  PRIMARY KEY (app, owner, send_time, message_id)
){end};
CREATE TABLE message_ack (
  app {t} NOT NULL,
  account {t} NOT NULL,
  message_id {n} NOT NULL,
  send_time {n} NOT NULL,
  PRIMARY KEY (app, account)
){end};
CREATE TABLE chat_group (
  app {t} NOT NULL,
  id {t} NOT NULL,
  name {b} NOT NULL,
  avatar {b} NOT NULL,
  introduction {b} NOT NULL,
  owner {t} NOT NULL,
  created_at {n} NOT NULL,
  PRIMARY KEY (app, id)
){end};
CREATE TABLE group_member (
  app {t} NOT NULL,
  group_id {t} NOT NULL,
  account {t} NOT NULL,
  joined_at {n} NOT NULL,
  PRIMARY KEY (app, group_id, account)
){end};
)sql",
    // The last send time that was given, and by how much those of the present transaction are moved
    // (statement.cc: claim_times). Ids are time-ordered.
    R"sql(
ALTER TABLE ringgate_schema ADD COLUMN sent_until {n} NOT NULL DEFAULT 0;
ALTER TABLE ringgate_schema ADD COLUMN send_shift {n} NOT NULL DEFAULT 0;
UPDATE ringgate_schema SET sent_until =
  COALESCE((SELECT c.send_time FROM message_content c ORDER BY c.id DESC LIMIT 1), 0);
)sql",
});

// What is there after all steps.
struct Table {
  std::string_view name;
  std::string_view columns;
};
constexpr std::array kTables = std::to_array<Table>({
    {"ringgate_schema", "version, probed_at, sent_until, send_shift"},
    {"message_content", "id, app, sender, send_time, type, body, extra"},
    {"message_index", "app, owner, send_time, message_id, sender, group_id"},
    {"message_ack", "app, account, message_id, send_time"},
    {"chat_group", "app, id, name, avatar, introduction, owner, created_at"},
    {"group_member", "app, group_id, account, joined_at"},
});

std::string in_dialect(std::string_view text, const Session::Dialect& dialect) {
  return fmt::format(fmt::runtime(text), fmt::arg("n", dialect.number), fmt::arg("t", dialect.text),
                     fmt::arg("b", dialect.bytes), fmt::arg("end", dialect.end_of_table));
}

// Within a transaction.
Result<void> apply(Session& session, std::int64_t version) {
  const Session::Dialect& dialect = session.dialect();
  if (version == 0) {
    if (Result<void> free = expect_nothing_in_the_way(session); !free) return free;
    const Result<void> made = session.execute(
        in_dialect("CREATE TABLE ringgate_schema (version {n} NOT NULL, probed_at {n} NOT NULL);"
                   "INSERT INTO ringgate_schema (version, probed_at) VALUES (0, 0);",
                   dialect));
    if (!made) return made;
  }
  for (auto step = static_cast<std::size_t>(version); step < kSteps.size(); ++step) {
    Result<void> done = session.execute(in_dialect(kSteps[step], dialect));
    if (!done) return done;
  }
  return session.execute(fmt::format("UPDATE ringgate_schema SET version = {}", kSteps.size()));
}

}  // namespace

std::string in_dialect(const StatementText& text, const Session::Dialect& dialect) {
  return fmt::format(fmt::runtime(text.text), fmt::arg("shift", dialect.shift),
                     fmt::arg("kept_shift", dialect.kept_shift));
}

std::int64_t known_schema() noexcept {
  return static_cast<std::int64_t>(kSteps.size());
}

Result<std::int64_t> schema_of(Session& session) {
  const auto there = session.number(std::string(session.dialect().has_schema));
  if (!there) return std::unexpected(there.error());
  if (!there->has_value()) return 0;
  const auto version = session.number("SELECT version FROM ringgate_schema");
  if (!version) return std::unexpected(version.error());
  if (!version->has_value()) return fail("its table ringgate_schema is empty");
  return **version;
}

Result<void> expect_all_tables(Session& session) {
  std::vector<std::string_view> bad;
  std::string why;
  for (const Table& table : kTables) {
    const auto read = session.number(
        fmt::format("SELECT 1 FROM (SELECT {} FROM {} LIMIT 0) t", table.columns, table.name));
    if (read) continue;
    bad.push_back(table.name);
    why = read.error().message;
  }
  if (bad.empty()) return {};
  return fail(
      fmt::format("its schema is version {}, but it lacks, or does not let us read, what that has "
                  "in {}: {}; restore it from a backup, or give messages another store",
                  known_schema(), fmt::join(bad, ", "), why));
}

Result<void> expect_nothing_in_the_way(Session& session) {
  std::string names;
  for (const Table& table : kTables) {
    names.append(names.empty() ? "'" : ", '").append(table.name).append("'");
  }
  const Session::Dialect& dialect = session.dialect();
  const auto found =
      session.number(fmt::format(fmt::runtime(dialect.in_the_way), fmt::arg("tables", names)));
  if (!found) return std::unexpected(found.error());
  if (found->value_or(0) == 0) return {};
  return fail(fmt::format("it is somebody else's: without a table ringgate_schema, it has {} {}",
                          **found, dialect.what_is_in_the_way));
}

std::string newer_schema(std::int64_t version) {
  return fmt::format(
      "its schema is version {}, and this ringgate knows up to {}; use the ringgate that wrote it, "
      "or a newer one",
      version, known_schema());
}

Result<std::int64_t> migrate(Session& session) {
  Result<std::int64_t> version = schema_of(session);
  if (!version) return version;
  if (*version > known_schema()) return fail(newer_schema(*version));
  if (*version == known_schema()) {
    if (auto all = expect_all_tables(session); !all) return std::unexpected(all.error());
    return version;
  }
  if (auto begun = session.execute(std::string(session.dialect().begin)); !begun) {
    return std::unexpected(begun.error());
  }
  // Others may have been at it while we waited for the lock.
  version = schema_of(session);
  Result<void> done;
  if (!version) {
    done = std::unexpected(version.error());
  } else if (*version < known_schema()) {
    done = apply(session, *version);
  }
  if (done) done = session.execute("COMMIT");
  if (!done) {
    // Where it fails, the connection is no good.
    [[maybe_unused]] const auto undone = session.execute("ROLLBACK");
    return std::unexpected(done.error());
  }
  return version;
}

}  // namespace ringgate::sql
