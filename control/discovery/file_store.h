// A registry file on disk: reading it whole, and changing it so that readers see the old or the new
// text and no process loses another's change. Any thread; nothing is kept between calls.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "control/base/error.h"
#include "control/discovery/instance.h"
#include "control/discovery/json.h"

namespace ringgate {

// One version of a file: another one differs here, unless it was written in place to the same
// length within the granularity of the file system's clock.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  std::int64_t changed_s = 0;
  std::int64_t changed_ns = 0;

  bool operator==(const FileIdentity&) const = default;
};

// Nothing when the file is not there or cannot be asked.
std::optional<FileIdentity> identity_of(const std::filesystem::path& file);

struct StoredInstances : InstanceList {
  std::optional<FileIdentity> identity;
};

// Nothing in the result when the file is not there.
Result<std::optional<StoredInstances>> read_services(const std::filesystem::path& file);

// Reads the file (a missing one is empty), lets change edit the list, and renames the new text over
// the old: all under a lock on FILE.lock, which is waited for 2 s at most. Nothing is written when
// change returns false or an error. A file that does not parse is left as it is; entries of it that
// cannot be used stay, but for those whose id a service has now.
Result<void> update_services(const std::filesystem::path& file,
                             const std::function<Result<bool>(std::vector<Instance>&)>& change);

}  // namespace ringgate
