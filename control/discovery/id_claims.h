// The ids that this process lives under, beside a registry file: while it lives no other process on
// this machine (or on one that shares the file system with its locks) can have them, however it
// ends. Each is a lock on one byte of FILE.ids, which stays there, empty.
//
// Owns its descriptor; the locks go with it. One thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "control/base/unique_fd.h"

namespace ringgate {

enum class IdClaim : std::uint8_t {
  kOurs,
  kTaken,    // by another process that lives
  kUnknown,  // locks are not to be had there
};

class IdClaims {
 public:
  explicit IdClaims(const std::filesystem::path& registry_file);

  // An id that is ours already stays so.
  [[nodiscard]] IdClaim take(std::string_view id);

 private:
  const std::filesystem::path file_;
  UniqueFd fd_;
};

}  // namespace ringgate
