// ListenerSet: a socket in the file system.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "dataplane/listener.h"
#include "dataplane/shortage.h"

namespace ringgate {
namespace {

constexpr int kBacklog = 4096;  // the kernel caps it at net.core.somaxconn

std::unexpected<Error> cannot(const std::string& path, const std::string& why) {
  return fail("cannot listen on unix:" + path + ": " + why);
}

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return cannot(path, "its path is too long; choose a shorter one");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

bool is_listened_on(const sockaddr_un& address) {
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return false;
  const int result = connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const bool is_there = result == 0 || errno == EAGAIN;  // a full backlog
  close(probe);
  return is_there;
}

// What a process left behind that ended without removing it.
Result<void> make_way(const std::string& path, const sockaddr_un& address, bool takeover) {
  struct stat found{};
  if (lstat(path.c_str(), &found) != 0) return {};  // bind() says what is wrong, if something is
  if (!S_ISSOCK(found.st_mode)) {
    return cannot(path, "a file that is no socket is there; remove it or choose another path");
  }
  if (!takeover && is_listened_on(address)) {
    return cannot(path, "another process listens there; stop it or choose another path");
  }
  unlink(path.c_str());
  return {};
}

}  // namespace

Result<ListenerSet> ListenerSet::open_unix(const std::string& path, std::uint32_t count,
                                           bool takeover) {
  const Result<sockaddr_un> address = address_of(path);
  if (!address) return std::unexpected(address.error());
  if (auto way = make_way(path, *address, takeover); !way) return std::unexpected(way.error());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return cannot(path, why_no_descriptor(errno));
  ListenerSet set;
  set.fds_.push_back(fd);
  set.in_file_system_ = true;
  set.printed_ = "unix:" + path;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    return cannot(path, std::generic_category().message(errno) +
                            "; name a folder that is there and that this user may write to");
  }
  set.own_file();
  if (auto shared = set.share_out(count); !shared) return std::unexpected(shared.error());
  if (listen(fd, kBacklog) != 0) return cannot(path, why_no_descriptor(errno));
  return set;
}

Result<ListenerSet> ListenerSet::adopt_unix(const std::string& path, std::uint32_t count,
                                            std::vector<int> sockets) {
  if (sockets.empty()) return open_unix(path, count, true);
  ListenerSet set;
  set.fds_ = std::move(sockets);
  set.in_file_system_ = true;
  set.printed_ = "unix:" + path;
  for (const int fd : set.fds_) {
    if (!set.listens_here(fd)) return cannot(path, "what was given is no socket of that kind");
  }
  if (auto shared = set.share_out(count); !shared) return std::unexpected(shared.error());
  return set;
}

void ListenerSet::own_file() {
  const std::string path = printed_.substr(std::strlen("unix:"));
  struct stat own{};
  if (lstat(path.c_str(), &own) != 0) return;
  file_ = path;
  file_device_ = own.st_dev;
  file_number_ = own.st_ino;
}

// A copy for each shard.
Result<void> ListenerSet::share_out(std::uint32_t count) {
  count_ = count;
  while (fds_.size() < count) {
    const int copy = fcntl(fds_[0], F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return fail("cannot listen on " + printed_ + ": " + why_no_descriptor(errno));
    fds_.push_back(copy);
  }
  return {};
}

// Unless it is another process's by now.
void ListenerSet::remove_file() noexcept {
  struct stat found{};
  if (file_.empty() || lstat(file_.c_str(), &found) != 0) return;
  if (found.st_dev == file_device_ && found.st_ino == file_number_) unlink(file_.c_str());
}

}  // namespace ringgate
