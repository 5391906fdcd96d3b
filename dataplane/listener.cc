#include "dataplane/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "dataplane/port_taken.h"
#include "dataplane/shortage.h"

namespace ringgate {
namespace {

constexpr int kBacklog = 4096;  // the kernel caps it at net.core.somaxconn

std::string print_address(const sockaddr_storage& address, std::uint16_t port) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    return "[" + std::string(text.data()) + "]:" + std::to_string(port);
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
  inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  return std::string(text.data()) + ":" + std::to_string(port);
}

std::uint16_t port_of(const sockaddr_storage& address) {
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

struct Candidate {
  sockaddr_storage address{};
  socklen_t bytes = 0;
};

// A kernel or a container may be without it.
bool has_ipv6() {
  const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

Result<Candidate> resolve(const ListenAddress& wanted) {
  Candidate candidate;
  if (wanted.host.empty() || wanted.host == "*") {
    if (!has_ipv6()) {
      auto& v4 = reinterpret_cast<sockaddr_in&>(candidate.address);
      v4.sin_family = AF_INET;
      v4.sin_port = htons(wanted.port);
      candidate.bytes = sizeof v4;
      return candidate;
    }
    auto& v6 = reinterpret_cast<sockaddr_in6&>(candidate.address);
    v6.sin6_family = AF_INET6;
    v6.sin6_addr = in6addr_any;
    v6.sin6_port = htons(wanted.port);
    candidate.bytes = sizeof v6;
    return candidate;
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(wanted.port);
  const int result = getaddrinfo(wanted.host.c_str(), port.c_str(), &hints, &found);
  if (result != 0) {
    return fail("cannot listen on " + wanted.host + ": " + gai_strerror(result) +
                    "; give an address of this machine, or leave the host empty for all",
                2);
  }
  std::memcpy(&candidate.address, found->ai_addr, found->ai_addrlen);
  candidate.bytes = found->ai_addrlen;
  freeaddrinfo(found);
  return candidate;
}

Result<int> bound_socket(const sockaddr_storage& address, socklen_t bytes, bool reuse_port,
                         bool dual_stack) {
  const int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  const int off = 0;
  if (fd >= 0) {
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (reuse_port) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (dual_stack) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&address), bytes) == 0) return fd;
  }
  const int error = errno;
  if (fd >= 0) close(fd);
  const std::uint16_t port = port_of(address);
  const std::string where = print_address(address, port);
  if (error == EADDRINUSE) {
    return fail("cannot listen on " + where + ": the port is taken; " + how_to_free(port));
  }
  if (error == EACCES) {
    return fail(
        "cannot listen on " + where +
        ": not allowed; choose a port from 1024 on, or give the program CAP_NET_BIND_SERVICE");
  }
  if (error == EADDRNOTAVAIL) {
    return fail("cannot listen on " + where + ": " + std::string(kNotOurAddress));
  }
  return fail("cannot listen on " + where + ": " + why_no_descriptor(error));
}

Result<int> listening_socket(const sockaddr_storage& address, socklen_t bytes, bool reuse_port) {
  Result<int> fd = bound_socket(address, bytes, reuse_port, address.ss_family == AF_INET6);
  if (fd && listen(*fd, kBacklog) != 0) {
    const int error = errno;
    close(*fd);
    return fail("cannot listen on " + print_address(address, port_of(address)) + ": " +
                why_no_descriptor(error));
  }
  return fd;
}

}  // namespace

Result<ListenerSet> ListenerSet::open(const ListenAddress& wanted, std::uint32_t count,
                                      bool takeover) {
  Result<Candidate> candidate = resolve(wanted);
  if (!candidate) return std::unexpected(candidate.error());
  ListenerSet set;
  set.count_ = count;
  set.address_ = candidate->address;
  set.address_bytes_ = candidate->bytes;
  if (!takeover && wanted.port != 0) {
    Result<int> probe =
        bound_socket(set.address_, set.address_bytes_, false, set.address_.ss_family == AF_INET6);
    if (!probe) return std::unexpected(probe.error());
    close(*probe);
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    Result<int> fd = listening_socket(set.address_, set.address_bytes_, true);
    if (!fd) return std::unexpected(fd.error());
    set.fds_.push_back(*fd);
    if (i == 0) {  // with port 0 the first one chooses and the others copy it
      socklen_t bytes = sizeof set.address_;
      getsockname(*fd, reinterpret_cast<sockaddr*>(&set.address_), &bytes);
    }
  }
  set.port_ = port_of(set.address_);
  set.printed_ = print_address(set.address_, set.port_);
  return set;
}

Result<std::string> ListenerSet::print(const ListenAddress& address) {
  const Result<Candidate> candidate = resolve(address);
  if (!candidate) return std::unexpected(candidate.error());
  return print_address(candidate->address, address.port);
}

Result<ListenerSet> ListenerSet::adopt(const ListenAddress& wanted, std::uint32_t count,
                                       std::vector<int> sockets) {
  ListenerSet set;
  set.fds_ = std::move(sockets);
  set.count_ = count;
  const Result<Candidate> candidate = resolve(wanted);
  if (!candidate) return std::unexpected(candidate.error());
  set.address_ = candidate->address;
  set.address_bytes_ = candidate->bytes;
  set.port_ = wanted.port;
  set.printed_ = print_address(set.address_, set.port_);
  for (const int fd : set.fds_) {
    if (!set.listens_here(fd)) return fail("what was given does not listen on " + set.printed_);
  }
  while (set.fds_.size() < count) {
    const Result<int> fd = listening_socket(set.address_, set.address_bytes_, true);
    if (!fd) return std::unexpected(fd.error());
    set.fds_.push_back(*fd);
  }
  return set;
}

// A descriptor is a number that may be another file's by now.
bool ListenerSet::listens_here(int fd) const {
  int listens = 0;
  socklen_t bytes = sizeof listens;
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &bytes) != 0 || listens == 0) {
    return false;
  }
  sockaddr_storage bound{};
  bytes = sizeof bound;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &bytes) != 0) return false;
  if (in_file_system_) return bound.ss_family == AF_UNIX;
  const bool is_internet = bound.ss_family == AF_INET || bound.ss_family == AF_INET6;
  return is_internet && print_address(bound, port_of(bound)) == printed_;
}

std::vector<int> ListenerSet::copies() {
  std::vector<int> copies;
  for (int& fd : fds_) {
    const int open = std::atomic_ref<int>(fd).load(std::memory_order_relaxed);
    const int copy = open < 0 ? -1 : fcntl(open, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) continue;
    if (listens_here(copy)) {
      copies.push_back(copy);
    } else {
      close(copy);
    }
    if (in_file_system_ && !copies.empty()) break;  // all are the same one
  }
  return copies;
}

void ListenerSet::now_ours() {
  if (in_file_system_) own_file();
  for (const int fd : fds_) {
    const int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) != 0) fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
  }
}

ListenerSet::~ListenerSet() {
  for (const int fd : fds_) {
    if (fd >= 0) close(fd);
  }
  remove_file();
}

ListenerSet::ListenerSet(ListenerSet&& other) noexcept {
  *this = std::move(other);
}

ListenerSet& ListenerSet::operator=(ListenerSet&& other) noexcept {
  std::swap(fds_, other.fds_);
  std::swap(count_, other.count_);
  std::swap(in_file_system_, other.in_file_system_);
  std::swap(file_, other.file_);
  std::swap(file_device_, other.file_device_);
  std::swap(file_number_, other.file_number_);
  address_ = other.address_;
  address_bytes_ = other.address_bytes_;
  port_ = other.port_;
  printed_ = other.printed_;
  return *this;
}

int ListenerSet::fd(std::uint32_t index, std::uint32_t accept) const {
  const std::size_t shares = (fds_.size() - index + count_ - 1) / count_;
  const int fd = fds_[index + accept % shares * count_];
  return fd >= 0 ? fd : fds_[index];
}

// Written by the shard whose it is; copies() reads it on another thread.
void ListenerSet::set(std::size_t at, int fd) {
  std::atomic_ref<int>(fds_[at]).store(fd, std::memory_order_relaxed);
}

// Accepted sockets inherit them, so that no connection costs a call.
void ListenerSet::set_send_bounds(std::uint32_t index, const SendBounds& bounds) noexcept {
  if (in_file_system_) return;
  const std::uint32_t timeout_ms = bounds.unacknowledged_ms;
  const std::uint32_t unsent = bounds.unsent_bytes;
  for (std::size_t at = index; at < fds_.size(); at += count_) {
    if (fds_[at] < 0) continue;
    setsockopt(fds_[at], IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
    setsockopt(fds_[at], IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
  }
}

void ListenerSet::close_one(std::uint32_t index) {
  for (std::size_t at = index; at < fds_.size(); at += count_) {
    const int fd = fds_[at];
    set(at, -1);
    if (fd >= 0) close(fd);
  }
}

void ListenerSet::leave_one(std::uint32_t index) {
  if (!in_file_system_) close_one(index);
}

Result<int> ListenerSet::reopen_one(std::uint32_t index) {
  if (in_file_system_) return fds_[index];
  Result<int> fd = listening_socket(address_, address_bytes_, true);
  if (fd) set(index, *fd);
  return fd;
}

}  // namespace ringgate
