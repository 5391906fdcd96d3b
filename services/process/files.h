// Whether the process, and the machine, have a file descriptor left: without one no link can be
// dialled or accepted, no file be read and no probe be answered.
#pragma once

#include <optional>
#include <string>

#include "control/base/mutex.h"
#include "control/observe/episode.h"

namespace ringgate {

class FileReserve {
 public:
  // Control thread, about every second: takes one and gives it back.
  void look();
  // Any thread: a sentence when there was none.
  [[nodiscard]] std::optional<std::string> problem() const;

 private:
  mutable Mutex mutex_;
  Episode episode_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ringgate
