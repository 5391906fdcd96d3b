// A disk of the test's own, so small that it is soon full: for this process and what it starts from
// now on.
#pragma once

#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

namespace ringgate::test {

class SmallDisk {
 public:
  // Over that folder; `options` are tmpfs's: "size=1m".
  explicit SmallDisk(std::filesystem::path folder, const std::string& options = "size=1m",
                     unsigned long flags = 0)
      : folder_(std::move(folder)),
        is_there_(unshare(CLONE_NEWNS) == 0 &&
                  mount("", "/", "", MS_REC | MS_PRIVATE, nullptr) == 0 &&
                  mount("tmpfs", folder_.c_str(), "tmpfs", flags, options.c_str()) == 0) {}
  ~SmallDisk() {
    if (is_there_) umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  // False: mounting is not allowed here.
  [[nodiscard]] bool is_there() const noexcept { return is_there_; }
  [[nodiscard]] std::uint64_t free_bytes() const {
    struct statvfs now = {};
    return statvfs(folder_.c_str(), &now) == 0 ? std::uint64_t{now.f_bavail} * now.f_frsize : 0;
  }

 private:
  std::filesystem::path folder_;
  bool is_there_;
};

}  // namespace ringgate::test
