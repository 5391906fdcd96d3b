// Which store a URL means. Pure functions, any thread.
#pragma once

#include <string>

#include "control/base/error.h"

namespace ringgate::sql {

enum class Kind : std::uint8_t { kMemory, kSqlite, kPostgres };

struct Url {
  Kind kind = Kind::kMemory;
  std::string path;  // kSqlite: of the file
  std::string url;   // kPostgres: all of it, passwords too
  std::string name;  // what people are shown: without user and password
};

// An error of usage, which never quotes what may hold a password.
[[nodiscard]] Result<Url> parse_url(const std::string& text);

}  // namespace ringgate::sql
