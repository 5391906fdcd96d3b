// A socket for a test, or an exception that says why there is none: what follows need not ask.
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "control/base/unique_fd.h"

namespace ringgate::test {

inline UniqueFd made_socket(int family, int type) {
  UniqueFd fd(socket(family, type | SOCK_CLOEXEC, 0));
  if (!fd) throw std::system_error(errno, std::generic_category(), "socket");
  return fd;
}

}  // namespace ringgate::test
