// The files of a SQLite database, and which they are: a name may come to stand for another one.
// Any thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>

#include "services/store/sql/outcome.h"

struct sqlite3;

namespace ringgate::sql {

struct FileId {
  dev_t device = 0;
  ino_t inode = 0;  // 0: there is none

  bool operator==(const FileId&) const = default;
};
[[nodiscard]] FileId file_id(const std::string& path);

// Whether an open database's file still begins as one does; also where that cannot be seen.
[[nodiscard]] bool begins_as_database(sqlite3* database);

// FILE-wal, where commits are before they get into FILE. SQLite takes it for that of whatever FILE
// is: beside another one, it would be written over what is in that.
class SqliteLog {
 public:
  explicit SqliteLog(std::string file) : file_(std::move(file)) {}

  // The database is open, and has been written to.
  void remember();
  // It is closed. `is_lost`: its file was not what it is called any more.
  void closed(bool is_lost);
  // Before it is opened again: gives the log of another file another name. An error: it cannot, and
  // nobody may open FILE until somebody has.
  [[nodiscard]] Outcome<void> set_aside();

 private:
  std::string file_;  // empty: in memory
  FileId its_file_;
  FileId log_;  // none: there is nothing to see to
  bool is_lost_ = false;
};

}  // namespace ringgate::sql
