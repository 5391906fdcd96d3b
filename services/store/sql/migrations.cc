#include "services/store/sql/migrations.h"

#include <fmt/format.h>

#include <array>
#include <utility>

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

std::string in_dialect(std::string_view text, const Session::Dialect& dialect) {
  return fmt::format(fmt::runtime(text), fmt::arg("n", dialect.number), fmt::arg("t", dialect.text),
                     fmt::arg("b", dialect.bytes), fmt::arg("end", dialect.end_of_table));
}

// Within a transaction.
Result<void> apply(Session& session, std::int64_t version) {
  const Session::Dialect& dialect = session.dialect();
  if (version == 0) {
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
  if (*version == known_schema()) return version;
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
    static_cast<void>(session.execute("ROLLBACK"));  // where it fails, the connection is no good
    return std::unexpected(done.error());
  }
  return version;
}

}  // namespace ringgate::sql
