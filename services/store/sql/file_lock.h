// A file that one process at a time may use, said by a lock on FILE.lock beside it, in which that
// process's id stands. The kernel ends the lock with the process; FILE.lock stays.
//
// Set-up, any thread.
#pragma once

#include <string>

#include "control/base/unique_fd.h"

namespace ringgate::sql {

struct FileLock {
  UniqueFd held;       // the lock goes with it; none where FILE.lock cannot be had (no folder, say)
  std::string holder;  // "process 4711" when another one has it; else empty
};

[[nodiscard]] FileLock lock_file(const std::string& file);

}  // namespace ringgate::sql
