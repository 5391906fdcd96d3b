#include "services/store/sql/url.h"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <string_view>

namespace ringgate::sql {
namespace {

using namespace std::string_view_literals;

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

// What libpq says of it may quote the password.
std::unexpected<Error> not_for_postgres() {
  return usage_error(
      "is not a URL that PostgreSQL takes; write for example "
      "postgresql://ringgate@db.example.com:5432/ringgate, with %40 for an @ in a password");
}

Result<Url> parse_postgres(const std::string& text) {
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(
      PQconninfoParse(text.c_str(), nullptr));
  if (options == nullptr) return not_for_postgres();
  std::string host = "the local socket";
  std::string port;
  std::string database;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr || *option->val == '\0') continue;
    if (option->keyword == "host"sv) host = option->val;
    if (option->keyword == "port"sv) port = ":" + std::string(option->val);
    if (option->keyword == "dbname"sv) database = "/" + std::string(option->val);
  }
  // A password ends at the first @ for libpq: what it takes for the host is the rest of it.
  if (host.contains('@')) return not_for_postgres();
  return Url{Kind::kPostgres, {}, text, "postgresql " + host + port + database};
}

}  // namespace

Result<Url> parse_url(const std::string& text) {
  constexpr std::string_view kSqlitePrefix = "sqlite://";
  // Without the colon, which YAML wants in quotes, too.
  if (text == "memory:" || text == "memory") return Url{Kind::kMemory, {}, {}, "memory"};
  if (text.starts_with("postgresql://") || text.starts_with("postgres://")) {
    return parse_postgres(text);
  }
  if (!text.starts_with(kSqlitePrefix)) {
    return usage_error(
        "is none of sqlite:///path/to/messages.db, postgresql://user@host/database and memory:");
  }
  std::string path = text.substr(kSqlitePrefix.size());
  if (!path.starts_with('/') || path.ends_with('/')) {
    return usage_error(
        "is sqlite:// without a file; write three slashes and the whole path, for example "
        "sqlite:///var/lib/ringgate/messages.db");
  }
  std::string name = "sqlite " + path;
  return Url{Kind::kSqlite, std::move(path), {}, std::move(name)};
}

}  // namespace ringgate::sql
