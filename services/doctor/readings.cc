#include "services/doctor/readings.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "control/base/unique_fd.h"

namespace ringgate::doctor {
namespace {

template <class Number>
std::optional<Number> read_number(const std::string& path) {
  std::ifstream file(path);
  Number value{};
  if (file >> value) return value;
  return std::nullopt;
}

std::optional<TcpMemory> read_tcp_mem() {
  std::ifstream file("/proc/sys/net/ipv4/tcp_mem");
  TcpMemory memory;
  if (file >> memory.low >> memory.pressure >> memory.high) return memory;
  return std::nullopt;
}

std::optional<PortRange> read_local_ports() {
  std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
  PortRange range;
  if (file >> range.first >> range.last) return range;
  return std::nullopt;
}

std::optional<std::uint64_t> read_mem_available() {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    std::uint64_t kib = 0;
    if (words >> name >> kib && name == "MemAvailable:") return kib * 1024;
  }
  return std::nullopt;
}

// What is left to this process's control group (version 2), which in a container is less than the
// machine has.
std::optional<std::uint64_t> read_cgroup_available() {
  std::ifstream file("/proc/self/cgroup");
  std::string line;
  while (std::getline(file, line)) {
    if (!line.starts_with("0::/")) continue;
    const std::string folder = "/sys/fs/cgroup" + line.substr(3) + "/";
    const auto limit = read_number<std::uint64_t>(folder + "memory.max");  // "max" is no number
    const auto used = read_number<std::uint64_t>(folder + "memory.current");
    if (limit && used) return *limit - std::min(*limit, *used);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> read_memory_available() {
  const auto machine = read_mem_available();
  const auto group = read_cgroup_available();
  if (machine && group) return std::min(*machine, *group);
  return machine ? machine : group;
}

unsigned count_cpus() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  if (sched_getaffinity(0, sizeof cpus, &cpus) != 0) return 1;
  return static_cast<unsigned>(std::max(1, CPU_COUNT(&cpus)));
}

PortReading read_port(std::uint16_t port) {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return {port, errno};
  const int on = 1;  // connections of an earlier listener that linger do not make it taken
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (bind(socket.get(), generic, sizeof address) != 0) return {port, errno};
  return {port, listen(socket.get(), 1) == 0 ? 0 : errno};
}

// Of all processes that run as this user; nothing where there is no /proc.
std::optional<std::uint64_t> count_threads_of(uid_t user) {
  std::error_code failed;
  std::uint64_t threads = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", failed)) {
    std::ifstream file(entry.path() / "status");
    std::optional<uid_t> owner;
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string name;
      std::uint64_t value = 0;
      if (!(words >> name >> value)) continue;
      if (name == "Uid:") owner = static_cast<uid_t>(value);
      if (name == "Threads:" && owner == user) threads += value;
    }
  }
  if (threads == 0) return std::nullopt;
  return threads;
}

std::uint64_t read_stack_bytes() {
  pthread_attr_t attributes;
  std::size_t bytes = 0;
  if (pthread_getattr_default_np(&attributes) != 0) return Readings().stack_bytes;
  pthread_attr_getstacksize(&attributes, &bytes);
  pthread_attr_destroy(&attributes);
  return bytes;
}

void read_limits(Readings& readings) {
  readings.stack_bytes = read_stack_bytes();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    readings.nofile_soft = limit.rlim_cur;
    readings.nofile_hard = limit.rlim_max;
  }
  if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0) readings.memlock_bytes = limit.rlim_cur;
  if (getrlimit(RLIMIT_AS, &limit) == 0) readings.address_space_bytes = limit.rlim_cur;
  // The kernel holds root to no number of threads.
  if (geteuid() == 0 || getrlimit(RLIMIT_NPROC, &limit) != 0) return;
  readings.threads_soft = limit.rlim_cur;
  readings.threads_used = count_threads_of(getuid());
}

}  // namespace

Readings take_readings(const std::vector<std::uint16_t>& ports) {
  Readings readings;
  utsname names{};
  if (uname(&names) == 0) readings.kernel_release = names.release;
  const std::string sys = "/proc/sys/";
  readings.io_uring_disabled = read_number<std::int64_t>(sys + "kernel/io_uring_disabled");
  readings.ring = probe_ring();
  read_limits(readings);
  readings.page_bytes = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  readings.memory_available_bytes = read_memory_available();
  readings.somaxconn = read_number<std::uint64_t>(sys + "net/core/somaxconn");
  readings.tcp_max_syn_backlog = read_number<std::uint64_t>(sys + "net/ipv4/tcp_max_syn_backlog");
  readings.tcp_mem = read_tcp_mem();
  readings.file_max = read_number<std::uint64_t>(sys + "fs/file-max");
  readings.nr_open = read_number<std::uint64_t>(sys + "fs/nr_open");
  readings.local_ports = read_local_ports();
  readings.cpus = count_cpus();
  for (const std::uint16_t port : ports) readings.ports.push_back(read_port(port));
  return readings;
}

}  // namespace ringgate::doctor
