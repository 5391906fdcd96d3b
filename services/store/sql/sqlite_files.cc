#include "services/store/sql/sqlite_files.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "services/store/message_ids.h"

namespace ringgate::sql {

FileId file_id(const std::string& path) {
  struct stat file{};
  if (stat(path.c_str(), &file) != 0) return {};
  return {file.st_dev, file.st_ino};
}

// Read as SQLite itself does: whoever else closed the file would end the locks that it has on it.
bool begins_as_database(sqlite3* database) {
  static constexpr std::string_view kBegin("SQLite format 3\0", 16);
  sqlite3_file* file = nullptr;
  if (sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER,
                           static_cast<void*>(&file)) != SQLITE_OK ||
      file->pMethods == nullptr) {
    return true;
  }
  std::array<char, kBegin.size()> begin{};
  const int read = file->pMethods->xRead(file, begin.data(), static_cast<int>(begin.size()), 0);
  if (read == SQLITE_IOERR_SHORT_READ) return false;
  return read != SQLITE_OK || std::string_view(begin.data(), begin.size()) == kBegin;
}

void SqliteLog::remember() {
  if (file_.empty()) return;
  its_file_ = file_id(file_);
  log_ = file_id(file_ + "-wal");
  is_lost_ = false;
}

void SqliteLog::closed(bool is_lost) {
  is_lost_ = is_lost_ || is_lost;
  // What SQLite has removed is nothing to see to; another file may have its number next.
  if (log_ != file_id(file_ + "-wal")) log_ = {};
}

Outcome<void> SqliteLog::set_aside() {
  const std::string log = file_ + "-wal";
  const bool is_its_own = !is_lost_ && file_id(file_) == its_file_;
  if (log_ == FileId{} || is_its_own) return {};
  if (file_id(log) == log_) {
    const std::string aside = fmt::format("{}.of-replaced-{}", log, wall_clock_ns());
    if (std::rename(log.c_str(), aside.c_str()) != 0) {
      return std::unexpected(
          Trouble{StoreTrouble::kConnection,
                  fmt::format("the file was replaced, and {} is still that of the one before: move "
                              "it away ({})",
                              log, std::strerror(errno))});
    }
    unlink((file_ + "-shm").c_str());  // an index of the log, made anew by whoever opens
    spdlog::warn("{} was the log of the file that was removed or replaced; it is {} now", log,
                 aside);
  }
  log_ = {};
  is_lost_ = false;
  return {};
}

}  // namespace ringgate::sql
