// services/store/message_options.h: from a URL to the store that it means.
#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "services/store/message_options.h"
#include "services/store/sql/file_lock.h"
#include "services/store/sql/postgres_backend.h"
#include "services/store/sql/sqlite_backend.h"
#include "services/store/sql/url.h"

namespace ringgate {
namespace {

std::unique_ptr<StoreBackend> make_backend(StoreThread& thread, const MessageStoreOptions& options,
                                           const sql::Url& url) {
  if (url.kind == sql::Kind::kPostgres) {
    return std::make_unique<sql::PostgresBackend>(thread, options, url);
  }
  return std::make_unique<sql::SqliteBackend>(thread, options, url.path);
}

// What to do about it, where it is that.
std::string what_is_missing(const std::string& file, bool creates) {
  std::error_code error;
  if (std::filesystem::exists(file, error) || error) return {};
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  if (!std::filesystem::exists(folder, error) && !error) {
    return fmt::format(
        "; make the folder {}: a service that starts creates the file, but not its "
        "folder",
        folder.string());
  }
  return error || creates
             ? ""
             : "; a service that starts creates the file, and so does ringgate store migrate";
}

// A session of the database, to look at or to change.
Result<std::unique_ptr<sql::Session>> open_session(const sql::Url& url, bool creates) {
  if (url.kind == sql::Kind::kMemory) {
    return usage_error("memory: holds nothing before a service runs, and nothing after it");
  }
  if (url.kind == sql::Kind::kPostgres) {
    auto opened = sql::Postgres::connect(url.url);
    if (!opened) return run_error("{}: {}", url.name, opened.error().why);
    return std::move(*opened);
  }
  auto opened = sql::Sqlite::open(
      url.path, creates ? sql::Sqlite::Access::kCreate : sql::Sqlite::Access::kReadOnly);
  if (!opened) {
    return run_error("{}: {}{}", url.name, opened.error().why, what_is_missing(url.path, creates));
  }
  return std::move(*opened);
}

Result<std::int64_t> rows_of(sql::Session& session, const char* table) {
  const auto rows = session.number(fmt::format("SELECT count(*) FROM {}", table));
  if (!rows) return std::unexpected(rows.error());
  return rows->value_or(0);
}

Result<MessageStoreReport> report_on(sql::Session& session, const std::string& name) {
  MessageStoreReport report;
  report.name = name;
  report.known = sql::known_schema();
  // Before the version: others may make the tables meanwhile, and then they are ours.
  const Result<void> is_free = sql::expect_nothing_in_the_way(session);
  const Result<std::int64_t> version = sql::schema_of(session);
  if (!version) return run_error("{}: {}", name, version.error().message);
  report.version = *version;
  if (report.version > report.known) {
    return run_error("{}: {}", name, sql::newer_schema(report.version));
  }
  Result<void> fits;
  if (report.version == 0) fits = is_free;
  if (report.version == report.known) fits = sql::expect_all_tables(session);
  if (!fits) return run_error("{}: {}", name, fits.error().message);
  if (report.version == 0) return report;
  const Result<std::int64_t> messages = rows_of(session, "message_content");
  const Result<std::int64_t> groups = rows_of(session, "chat_group");
  if (!messages) return run_error("{}: {}", name, messages.error().message);
  if (!groups) return run_error("{}: {}", name, groups.error().message);
  report.messages = *messages;
  report.groups = *groups;
  return report;
}

// What a service would find out with its first talk: it writes also where the default is not to.
Result<void> check_writable(const sql::Url& url) {
  if (url.kind == sql::Kind::kSqlite) {
    auto opened = sql::Sqlite::open(url.path, sql::Sqlite::Access::kExisting);
    const sql::Outcome<void> written =
        opened ? (*opened)->try_to_write() : std::unexpected(opened.error());
    if (written) return {};
    return run_error("{} can be read, and not be written to: {}{}", url.name, written.error().why,
                     written.error().kind == StoreTrouble::kFull
                         ? "; make room on its disk"
                         : "; see to its permissions, its folder's and its disk's");
  }
  auto session = sql::Postgres::connect(url.url);
  if (!session) return run_error("{}: {}", url.name, session.error().why);
  const Result<void> written = (*session)->execute(
      "BEGIN READ WRITE; UPDATE ringgate_schema SET probed_at = probed_at; ROLLBACK");
  if (written) return {};
  return run_error("{} can be read, and not be written to: {}", url.name, written.error().message);
}

}  // namespace

Result<std::string> message_store_name(const std::string& url) {
  Result<sql::Url> parsed = sql::parse_url(url);
  if (!parsed) return std::unexpected(parsed.error());
  return parsed->name;
}

Result<UniqueFd> claim_message_store(const std::string& text) {
  const Result<sql::Url> url = sql::parse_url(text);
  if (!url) return std::unexpected(url.error());
  if (url->kind != sql::Kind::kSqlite) return UniqueFd();
  sql::FileLock lock = sql::lock_file(url->path);
  if (lock.holder.empty()) return std::move(lock.held);
  return run_error(
      "{} keeps messages in {}, and that file is one process's; end it, or give this one another",
      lock.holder, url->path);
}

Result<std::unique_ptr<StoreThread>> open_message_store(const MessageStoreOptions& options,
                                                        std::uint32_t shards) {
  Result<sql::Url> url = sql::parse_url(options.url);
  if (!url) return std::unexpected(url.error());
  StoreThreadOptions thread;
  thread.store = "message";
  thread.address = url->name;
  thread.calls = MessageCalls::kNames;
  thread.shards = shards;
  thread.client = options.client;
  return std::make_unique<StoreThread>(thread,
                                       [options, url = std::move(*url)](StoreThread& its_thread) {
                                         return make_backend(its_thread, options, url);
                                       });
}

Result<MessageStoreReport> check_message_store(const std::string& text) {
  const Result<sql::Url> url = sql::parse_url(text);
  if (!url) return std::unexpected(url.error());
  auto session = open_session(*url, false);
  if (!session) return std::unexpected(session.error());
  Result<MessageStoreReport> report = report_on(**session, url->name);
  if (!report || report->version != report->known) return report;
  session->reset();
  if (auto writable = check_writable(*url); !writable) return std::unexpected(writable.error());
  return report;
}

Result<MessageStoreReport> migrate_message_store(const std::string& text) {
  const Result<sql::Url> url = sql::parse_url(text);
  if (!url) return std::unexpected(url.error());
  auto session = open_session(*url, true);
  if (!session) return std::unexpected(session.error());
  Result<MessageStoreReport> before = report_on(**session, url->name);
  if (!before) return before;
  if (const Result<std::int64_t> done = sql::migrate(**session); !done) {
    return run_error("{}: {}", url->name, done.error().message);
  }
  return before;
}

}  // namespace ringgate
