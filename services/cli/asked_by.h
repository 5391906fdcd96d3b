// Who runs a command that gateways are asked by. Any thread that nobody changes the environment
// beside.
#pragma once

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>

namespace ringgate {

// Whose doing it is, for the log of the gateways: it is no proof.
inline std::string asked_by() {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  const char* const before = std::getenv("SUDO_USER");
  const passwd* const user = getpwuid(getuid());
  const std::string name = before != nullptr ? before
                           : user != nullptr ? user->pw_name
                                             : std::to_string(getuid());
  return name + "@" + host.data();
}

}  // namespace ringgate
