#include "dataplane/end_process.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace ringgate {

void end_process(std::string_view why) noexcept {
  constexpr std::string_view kBefore = "ringgate: ";
  std::array<char, 512> line;  // no allocation: memory may be what is missing
  std::size_t size = kBefore.copy(line.data(), kBefore.size());
  size += why.copy(line.data() + size, line.size() - size - 1);
  line[size++] = '\n';
  pollfd stream{STDERR_FILENO, POLLOUT, 0};
  if (poll(&stream, 1, 0) == 1 && (stream.revents & POLLOUT) != 0) {
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), size);
  }
  _exit(1);
}

}  // namespace ringgate
