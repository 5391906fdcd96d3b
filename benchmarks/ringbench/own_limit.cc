#include "benchmarks/ringbench/own_limit.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace ringgate::bench {

bool is_own_limit(int error) noexcept {
  switch (error) {
    case EADDRNOTAVAIL:
    case EADDRINUSE:
    case EAGAIN:
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EPERM:
    case EACCES:
      return true;
    default:
      return false;
  }
}

std::string own_limit_text(int error) {
  const auto said = [error](const char* remedy) {
    return fmt::format("ringbench, not the target, was the limit: {}; {}", std::strerror(error),
                       remedy);
  };
  switch (error) {
    case EADDRNOTAVAIL:
    case EADDRINUSE:
    case EAGAIN:
      return said(
          "each source address has so many ports to one target: give more of this machine's "
          "addresses (--source), widen sysctl net.ipv4.ip_local_port_range, or use fewer "
          "--connections");
    case EMFILE:
      return said("raise `ulimit -n`, or use fewer --connections");
    case ENFILE:
      return said("raise sysctl fs.file-max, or use fewer --connections");
    case ENOBUFS:
    case ENOMEM:
      return said("free some memory, raise sysctl net.ipv4.tcp_mem, or use fewer --connections");
    default:
      return said("let this process connect there (firewall, security module, container)");
  }
}

}  // namespace ringgate::bench
