#include "control/base/text_file.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "control/base/text.h"
#include "control/base/unique_fd.h"

namespace ringgate {
namespace {

using SteadyClock = std::chrono::steady_clock;

bool wait_readable(int fd, SteadyClock::time_point until) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - SteadyClock::now());
    pollfd readable{fd, POLLIN, 0};
    const int ready = poll(&readable, 1, static_cast<int>(std::max<long>(left.count(), 0)));
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) return true;  // read says what is wrong
  }
}

}  // namespace

Result<std::string> read_text_file(const std::filesystem::path& file, std::size_t limit) {
  std::error_code failure;
  if (std::filesystem::is_directory(file, failure)) {
    return usage_error("{} is a directory; name the file in it", file.string());
  }
  // Non-blocking concerns pipes only, opening one included.
  const UniqueFd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    return usage_error("cannot open {}: {}; check the path and its permissions", file.string(),
                       std::strerror(errno));
  }
  const auto until = SteadyClock::now() + kMaxPipeWait;
  std::string text(limit + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = read(fd.get(), text.data() + size, text.size() - size);
    if (got == 0) break;
    if (got > 0) {
      size += static_cast<std::size_t>(got);
    } else if (errno == EAGAIN) {
      if (!wait_readable(fd.get(), until)) {
        return usage_error("{} is a pipe that has not ended for {}; name a file", file.string(),
                           format_duration(kMaxPipeWait));
      }
    } else if (errno != EINTR) {
      return usage_error("cannot read {}: {}", file.string(), std::strerror(errno));
    }
  }
  text.resize(size);
  if (text.size() > limit) {
    return usage_error("{} is longer than {}; is it the right file?", file.string(),
                       format_size(limit));
  }
  return text;
}

}  // namespace ringgate
