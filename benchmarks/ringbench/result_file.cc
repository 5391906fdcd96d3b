#include "benchmarks/ringbench/result_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "control/base/replace_file.h"
#include "control/base/unique_fd.h"

namespace ringgate::bench {
namespace {

constexpr mode_t kMode = 0666;

std::unexpected<Error> cannot(const char* flag, const std::string& path, std::string_view why) {
  return fail(fmt::format("cannot write {}: {}; mend {}", path, why, flag), 2);
}
std::unexpected<Error> cannot(const char* flag, const std::string& path, int error) {
  return cannot(flag, path, std::string_view(std::strerror(error)));
}

// What is there, and no file that another could take the place of.
bool is_special(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

// Where a symbolic link leads to: that is what is replaced.
std::string place_of(const std::string& path) {
  std::error_code error;
  const auto real = std::filesystem::canonical(path, error);
  return error ? path : real.string();
}

std::string beside(const std::string& place) {
  return fmt::format("{}.{}.part", place, getpid());
}

// A pipe that nobody reads would be waited for without end; one that is read may take its time.
Result<void> write_special(const char* flag, const std::string& path, std::string_view text) {
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file && errno == ENXIO) {
    return fail(fmt::format("cannot write {}: nobody reads there; start its reader before the run "
                            "ends, or mend {}",
                            path, flag),
                2);
  }
  const bool written =
      file && fcntl(file.get(), F_SETFL, O_WRONLY) == 0 && write_all(file.get(), text);
  if (!written) return cannot(flag, path, errno);
  return {};
}

UniqueFd create(const std::string& path) {
  return UniqueFd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kMode));
}

}  // namespace

Result<void> check_result_file(const char* flag, const std::string& path) {
  if (path.empty() || path == kStandardOutput || is_special(path)) return {};
  if (std::filesystem::is_directory(path)) return cannot(flag, path, EISDIR);
  const std::string part = beside(place_of(path));
  if (const UniqueFd file = create(part); !file) return cannot(flag, path, errno);
  unlink(part.c_str());
  return {};
}

Result<void> write_result_file(const char* flag, const std::string& path, std::string_view text) {
  if (path.empty()) return {};
  if (path == kStandardOutput) {
    std::fflush(stdout);
    if (!write_all(STDOUT_FILENO, text)) return cannot(flag, "standard output", errno);
    return {};
  }
  if (is_special(path)) return write_special(flag, path, text);
  const std::string place = place_of(path);
  const Result<void> written = replace_file(place, text, {.mode = kMode});
  if (written) return {};
  return cannot(flag, path, written.error().message);
}

}  // namespace ringgate::bench
