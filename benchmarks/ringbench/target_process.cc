#include "benchmarks/ringbench/target_process.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <memory>
#include <span>
#include <sstream>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "control/base/unique_fd.h"

namespace ringgate::bench {
namespace {

using Inodes = std::unordered_set<std::string>;

// At the target's address and port, in our network namespace.
struct TargetSockets {
  Inodes listening;
  Inodes all;
};

std::uint16_t port_of(const Address& address) {
  sockaddr_in v4{};
  std::memcpy(&v4, &address.storage, sizeof v4);  // an IPv6 address has its port at the same place
  return ntohs(v4.sin_port);
}

// As /proc/net/tcp writes an address, without its port: words as the machine has them, in hex.
std::string proc_text(std::span<const std::uint8_t> bytes) {
  std::string text;
  for (std::size_t at = 0; at + 4 <= bytes.size(); at += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    text += fmt::format("{:08X}", word);
  }
  return text;
}

// Of those that accept what is sent to it: its own, and any address.
std::vector<std::string> local_texts(const Address& target) {
  std::array<std::uint8_t, 16> v6{};
  if (target.family() == AF_INET6) {
    sockaddr_in6 address{};
    std::memcpy(&address, &target.storage, sizeof address);
    std::memcpy(v6.data(), &address.sin6_addr, v6.size());
    return {proc_text(v6), std::string(32, '0')};
  }
  sockaddr_in address{};
  std::memcpy(&address, &target.storage, sizeof address);
  v6[10] = v6[11] = 0xff;  // ::ffff:a.b.c.d
  std::memcpy(v6.data() + 12, &address.sin_addr, 4);
  return {proc_text(std::span(v6).subspan(12)), std::string(8, '0'), proc_text(v6),
          std::string(32, '0')};
}

void read_sockets(const char* path, const std::vector<std::string>& locals, std::uint16_t port,
                  TargetSockets& sockets) {
  constexpr std::string_view kListening = "0A";
  const std::string port_text = fmt::format(":{:04X}", port);
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);  // what the columns are
  while (std::getline(file, line)) {
    if (line.find(port_text) == std::string::npos) continue;
    std::istringstream words(line);
    std::string number, local, remote, state, queues, timer, retries, user, timeout, inode;
    words >> number >> local >> remote >> state >> queues >> timer >> retries >> user >> timeout >>
        inode;
    if (!local.ends_with(port_text)) continue;
    local.resize(local.size() - port_text.size());
    if (std::ranges::find(locals, local) == locals.end()) continue;
    if (state == kListening) sockets.listening.insert(inode);
    sockets.all.insert(inode);
  }
}

// Whether the process has one of these open; nothing when it is not ours to look into.
std::optional<bool> holds(pid_t pid, const Inodes& inodes) {
  constexpr std::string_view kSocket = "socket:[";
  const std::string path = fmt::format("/proc/{}/fd", pid);
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), closedir);
  if (!folder) return std::nullopt;
  std::array<char, 64> buffer{};
  while (const dirent* const entry = readdir(folder.get())) {
    const std::string file = fmt::format("{}/{}", path, entry->d_name);
    const ssize_t length = readlink(file.c_str(), buffer.data(), buffer.size());
    std::string_view link(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
    if (!link.starts_with(kSocket)) continue;
    link.remove_prefix(kSocket.size());
    if (inodes.contains(std::string(link.substr(0, link.find(']'))))) return true;
  }
  return false;
}

// Whoever of all processes listens there, as far as can be seen; 0: nobody.
pid_t holder_of(const Inodes& inodes) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc"), closedir);
  while (const dirent* const entry = folder ? readdir(folder.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    pid_t pid = 0;
    std::from_chars(name.data(), name.data() + name.size(), pid);
    if (pid > 0 && holds(pid, inodes).value_or(false)) return pid;
  }
  return 0;
}

std::string name_of_process(pid_t pid) {
  std::string name;
  std::getline(std::ifstream(fmt::format("/proc/{}/comm", pid)), name);
  return fmt::format("{} ({})", pid, name);
}

bool in_our_network(pid_t pid) {
  struct stat ours{}, theirs{};
  return stat("/proc/self/ns/net", &ours) == 0 &&
         stat(fmt::format("/proc/{}/ns/net", pid).c_str(), &theirs) == 0 &&
         ours.st_ino == theirs.st_ino;
}

bool is_of_this_machine(Address address) {
  const UniqueFd any(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  const std::uint16_t no_port = 0;
  std::memcpy(reinterpret_cast<char*>(&address.storage) + offsetof(sockaddr_in, sin_port), &no_port,
              sizeof no_port);
  return !any || bind(any.get(), address.get(), address.bytes) == 0;
}

}  // namespace

std::optional<std::string> doubt_about_pid(pid_t pid, const Address& target) {
  if (!in_our_network(pid)) return std::nullopt;
  TargetSockets sockets;
  for (const char* const path : {"/proc/self/net/tcp", "/proc/self/net/tcp6"}) {
    read_sockets(path, local_texts(target), port_of(target), sockets);
  }
  if (holds(pid, sockets.all).value_or(true)) return std::nullopt;
  constexpr const char* kDoubt =
      "--pid {} is not the target: {}; what is told of the target's CPU and memory is of that "
      "process";
  if (sockets.listening.empty()) {
    if (is_of_this_machine(target)) return std::nullopt;
    return fmt::format(kDoubt, name_of_process(pid), "the target is on another machine");
  }
  const pid_t holder = holder_of(sockets.listening);
  if (holder == 0) return std::nullopt;
  return fmt::format(kDoubt, name_of_process(pid),
                     fmt::format("process {} listens there", name_of_process(holder)));
}

}  // namespace ringgate::bench
