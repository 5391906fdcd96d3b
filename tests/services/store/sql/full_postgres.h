// A PostgreSQL with a database on a small disk; all else of it, the log of what is written too, is
// where there is room.
#pragma once

#include <pwd.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "tests/common/small_disk.h"
#include "tests/common/temp_dir.h"
#include "tests/services/store/sql/postgres_server.h"

namespace ringgate::test {

class FullPostgres {
 public:
  FullPostgres() : disk_(folder_.path(), options()) {
    if (!disk_.is_there()) return;
    server_ = std::make_unique<PostgresServer>();  // sees the disk, as it starts after it
    server_->ask("postgres", "CREATE TABLESPACE small LOCATION '" + folder_.path().string() + "'");
    server_->ask("postgres", "CREATE DATABASE small TABLESPACE small");
    url_ = server_->url("small");
  }

  [[nodiscard]] bool is_there() const { return server_ != nullptr; }
  [[nodiscard]] const std::string& url() const { return url_; }
  // All but so many bytes are somebody else's.
  void fill(std::uint64_t but_bytes) {
    server_->ask("small", "CREATE TABLE IF NOT EXISTS filler (line text)");
    while (disk_.free_bytes() > but_bytes) {
      const std::uint64_t rows = (disk_.free_bytes() - but_bytes) / kRowBytes / 2 + 1;
      const std::string refused = server_->ask(
          "small", "INSERT INTO filler SELECT repeat(md5(i::text), 30) FROM generate_series(1, " +
                       std::to_string(rows) + ") i");
      if (!refused.empty()) break;
    }
  }
  void empty() { server_->ask("small", "DROP TABLE filler"); }

 private:
  static constexpr std::uint64_t kRowBytes = 1000;

  static std::string options() {
    const passwd* const who = geteuid() == 0 ? getpwnam("postgres") : nullptr;
    const uid_t user = who == nullptr ? geteuid() : who->pw_uid;
    const gid_t group = who == nullptr ? getegid() : who->pw_gid;
    return "size=32m,mode=0700,uid=" + std::to_string(user) + ",gid=" + std::to_string(group);
  }

  const TempDir folder_;
  SmallDisk disk_;
  std::unique_ptr<PostgresServer> server_;
  std::string url_;
};

}  // namespace ringgate::test
