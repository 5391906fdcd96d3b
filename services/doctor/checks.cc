#include "services/doctor/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "dataplane/port_taken.h"
#include "dataplane/ring.h"
#include "dataplane/ring_size.h"
#include "dataplane/shortage.h"

namespace ringgate::doctor {
namespace {

// Files that a process has open besides its clients: rings, listeners, links, logs, monitoring.
constexpr std::uint64_t kFilesBesideClients = 512;
constexpr std::uint64_t kMaxReasonableShards = 256;
// A listener's queue and the backlog of half-open connections have to hold a burst of logins.
constexpr std::uint64_t kBurstConnections = 4096;
constexpr std::uint64_t kSmallBurstConnections = 1024;
// Idle sockets hold no TCP memory; one connection in ten with a page queued is a busy moment.
constexpr std::uint64_t kConnectionsPerQueuedPage = 10;

// Of a gateway: log, signals, monitor and admin, resolver, and a few that come and go.
constexpr std::uint64_t kThreadsBesideShards = 12;
// Seen on Linux with glibc, without stacks: the program with its libraries and what it allocates at
// start; and a shard's ring, buffers and mailboxes. Under a limit a process has one arena for all
// its threads (main.cc).
constexpr std::uint64_t kAddressSpaceBesideShards = 42ULL << 20U;
constexpr std::uint64_t kAddressSpaceOfShard = 23'250ULL << 10U;
constexpr std::uint64_t kStacksBesideShards = 10;  // those threads of the above that always are

std::uint64_t divide_up(std::uint64_t amount, std::uint64_t by) {
  return (amount + by - 1) / by;
}

std::string mib(std::uint64_t bytes) {
  return fmt::format("{} MiB", divide_up(bytes, 1024 * 1024));
}

Finding unknown(std::string name, std::string_view what) {
  return {Verdict::kWarn, std::move(name), fmt::format("{} cannot be read", what),
          "mount /proc, or look outside of this container"};
}

// A process raises its own limit to the hard one when it starts.
std::uint64_t file_limit(const Readings& readings) {
  return std::max(readings.nofile_soft, readings.nofile_hard);
}

// One for each CPU, or as many as it takes to hold all connections with this limit of open files.
// Where that limit has to be raised anyhow, it says nothing about shards.
std::uint64_t wanted_shards(const Readings& readings, const Wishes& wishes) {
  if (wishes.shards != 0) return wishes.shards;
  const std::uint64_t limit = file_limit(readings);
  if (limit < kFilesBesideClients) return readings.cpus;
  return std::max<std::uint64_t>(readings.cpus, divide_up(wishes.connections, limit));
}

// Of a shard's ring: 64 bytes for each entry to submit and 4 for its index, 16 for each completion
// (io_uring_sqe and io_uring_cqe), and the 16 of each provided buffer.
std::uint64_t ring_queue_bytes(std::uint64_t clients) {
  RingOptions ring;
  size_queues(ring, clients);
  return std::uint64_t{ring.sq_entries} * (64 + 4) + std::uint64_t{ring.cq_entries} * 16 +
         std::uint64_t{ring.client_buffers + ring.link_buffers} * 16;
}

// A burst is at most all the connections there will be.
std::uint64_t burst(std::uint64_t connections) {
  const std::uint64_t most = connections > 100'000 ? kBurstConnections : kSmallBurstConnections;
  return std::min(connections, most);
}

Finding check_queue(const char* name, const char* sysctl, std::optional<std::uint64_t> value,
                    const Wishes& wishes) {
  if (!value) return unknown(name, sysctl);
  const std::uint64_t wanted = burst(wishes.connections);
  const std::string found = fmt::format("{} = {}", sysctl, *value);
  if (*value >= wanted) return {Verdict::kOk, name, found, {}};
  return {Verdict::kWarn, name, fmt::format("{}: a burst of logins may wait or be refused", found),
          fmt::format("`sysctl -w {}={}`", sysctl, wanted)};
}

}  // namespace

std::string_view verdict_name(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kWarn:
      return "warn";
    case Verdict::kFail:
      return "FAIL";
  }
  return "FAIL";
}

// A shard's table of connections may have as many slots as RLIMIT_NOFILE says, and no more.
Finding check_open_files(const Readings& readings, const Wishes& wishes) {
  const std::string name = "open files";
  const std::uint64_t limit = file_limit(readings);
  const std::string found = fmt::format("RLIMIT_NOFILE {} (hard limit {}, which is taken)",
                                        readings.nofile_soft, readings.nofile_hard);
  if (limit < kFilesBesideClients) {
    const std::uint64_t enough =
        std::max(divide_up(wishes.connections, readings.cpus), 2 * kFilesBesideClients);
    return {Verdict::kFail, name,
            fmt::format("{}: lets each of {} shards hold {} connections, and keeps too few of the "
                        "{} files that the process itself may need",
                        found, readings.cpus, limit, kFilesBesideClients),
            fmt::format("raise it: `ulimit -n {}`, or LimitNOFILE={} of the unit", enough, enough)};
  }
  const std::uint64_t shards = divide_up(wishes.connections, limit);
  if (shards <= readings.cpus) {
    return {Verdict::kOk,
            name,
            fmt::format("{}: {} connections fit into {} of {} shards", found, wishes.connections,
                        shards, readings.cpus),
            {}};
  }
  const Verdict verdict = shards > kMaxReasonableShards ? Verdict::kFail : Verdict::kWarn;
  return {
      verdict, name,
      fmt::format("{}: {} connections take {} shards, and there is one per CPU ({})", found,
                  wishes.connections, shards, readings.cpus),
      fmt::format("set `Shards: {}` in the gateway's configuration, or raise RLIMIT_NOFILE to {} "
                  "(`ulimit -n`, or LimitNOFILE= of the unit)",
                  shards, divide_up(wishes.connections, readings.cpus))};
}

Finding check_system_files(const Readings& readings, const Wishes& wishes) {
  const std::string name = "files of the system";
  if (!readings.file_max) return unknown(name, "fs.file-max");
  const std::uint64_t wanted = wishes.connections + kFilesBesideClients;
  const std::string found = fmt::format("fs.file-max = {}", *readings.file_max);
  if (*readings.file_max >= wanted) return {Verdict::kOk, name, found, {}};
  return {Verdict::kFail, name, fmt::format("{}, {} are needed", found, wanted),
          fmt::format("`sysctl -w fs.file-max={}`", 2 * wanted)};
}

Finding check_open_files_ceiling(const Readings& readings, const Wishes& wishes) {
  const std::string name = "ceiling of open files";
  if (!readings.nr_open) return unknown(name, "fs.nr_open");
  const std::uint64_t wanted = divide_up(wishes.connections, readings.cpus);
  const std::string found =
      fmt::format("fs.nr_open = {}: RLIMIT_NOFILE may be raised so far", *readings.nr_open);
  if (*readings.nr_open >= wanted) return {Verdict::kOk, name, found, {}};
  return {Verdict::kWarn, name, found,
          fmt::format("more shards, or `sysctl -w fs.nr_open={}` before RLIMIT_NOFILE", wanted)};
}

// Some kernels (6.18, say) count the queues of a user's rings against RLIMIT_MEMLOCK, those of all
// shards together, unless the user has CAP_IPC_LOCK. Nothing tells beforehand which kernel does.
Finding check_locked_memory(const Readings& readings, const Wishes& wishes) {
  const std::string name = "locked memory";
  if (readings.memlock_bytes == UINT64_MAX) {
    return {Verdict::kOk, name, "RLIMIT_MEMLOCK unlimited", {}};
  }
  const std::uint64_t shards = wanted_shards(readings, wishes);
  const std::uint64_t wanted = shards * ring_queue_bytes(divide_up(wishes.connections, shards));
  const std::string found = fmt::format("RLIMIT_MEMLOCK {} KiB, the rings of {} {} take {} KiB",
                                        readings.memlock_bytes / 1024, shards,
                                        shards == 1 ? "shard" : "shards", wanted / 1024);
  if (readings.memlock_bytes >= wanted) return {Verdict::kOk, name, found, {}};
  const std::uint64_t kib = divide_up(wanted, 1024);
  return {Verdict::kWarn, name, found,
          fmt::format("raise it: `ulimit -l {}`, or LimitMEMLOCK={}K of the unit; not every kernel "
                      "counts rings, and none does for CAP_IPC_LOCK",
                      kib, kib)};
}

// A limit of the user's, not of the process: what else runs as the same user counts.
Finding check_threads(const Readings& readings, const Wishes& wishes) {
  const std::string name = "threads";
  if (readings.threads_soft == UINT64_MAX) return {Verdict::kOk, name, "no limit of threads", {}};
  const std::uint64_t shards = wanted_shards(readings, wishes);
  const std::uint64_t wanted = shards + kThreadsBesideShards;
  const std::uint64_t used = readings.threads_used.value_or(0);
  const std::string found =
      fmt::format("RLIMIT_NPROC {}, this user has {} threads and a gateway of {} shards starts {}",
                  readings.threads_soft, used, shards, wanted);
  if (readings.threads_soft >= used + wanted) return {Verdict::kOk, name, found, {}};
  return {Verdict::kFail, name, found,
          fmt::format("raise it: `ulimit -u {}`, or LimitNPROC={} of the unit", 2 * (used + wanted),
                      2 * (used + wanted))};
}

// How much a process maps depends on its threads, their allocators and its rings, and is far more
// than it uses. What it maps at start is known; how much it will, is not.
Finding check_address_space(const Readings& readings, const Wishes& wishes) {
  const std::string name = "address space";
  if (readings.address_space_bytes == UINT64_MAX) {
    return {Verdict::kOk, name, "RLIMIT_AS unlimited", {}};
  }
  const std::uint64_t shards = wanted_shards(readings, wishes);
  const std::uint64_t wanted = kAddressSpaceBesideShards + shards * kAddressSpaceOfShard +
                               (kStacksBesideShards + shards) * readings.stack_bytes;
  return {readings.address_space_bytes < wanted ? Verdict::kFail : Verdict::kWarn, name,
          fmt::format("RLIMIT_AS {} KiB, a gateway of {} {} maps {} KiB at start and more later: "
                      "rings and threads map more than they use",
                      readings.address_space_bytes / 1024, shards, shards == 1 ? "shard" : "shards",
                      wanted / 1024),
          "lift it: `ulimit -v unlimited`, or LimitAS=infinity of the unit; to bound memory, use "
          "the container's limit, or MemoryMax= of the unit"};
}

Finding check_memory(const Readings& readings, const Wishes& wishes) {
  const std::string name = "memory";
  if (!readings.memory_available_bytes) return unknown(name, "available memory");
  const std::uint64_t available = *readings.memory_available_bytes;
  const std::uint64_t needed =
      wishes.connections * (kUserBytesPerConnection + kKernelBytesPerConnection);
  const std::string found = fmt::format("{} available, {} idle connections take about {}",
                                        mib(available), wishes.connections, mib(needed));
  if (needed > available) {
    return {Verdict::kFail, name, found,
            fmt::format("free memory, raise the container's limit, or want at most {} connections",
                        available / (kUserBytesPerConnection + kKernelBytesPerConnection))};
  }
  if (needed > available / 2) {
    return {Verdict::kWarn, name, found,
            "leave as much again for queued messages when they are busy"};
  }
  return {Verdict::kOk, name, found, {}};
}

Finding check_tcp_memory(const Readings& readings, const Wishes& wishes) {
  const std::string name = "TCP memory";
  if (!readings.tcp_mem) return unknown(name, "net.ipv4.tcp_mem");
  const TcpMemory& memory = *readings.tcp_mem;
  const std::uint64_t wanted = divide_up(wishes.connections, kConnectionsPerQueuedPage);
  const std::string found =
      fmt::format("net.ipv4.tcp_mem = {} {} {} ({} before pressure)", memory.low, memory.pressure,
                  memory.high, mib(memory.pressure * readings.page_bytes));
  if (memory.pressure >= wanted) return {Verdict::kOk, name, found, {}};
  return {Verdict::kWarn, name,
          fmt::format("{}: the kernel may drop data when many are busy", found),
          fmt::format("`sysctl -w net.ipv4.tcp_mem='{} {} {}'`", wanted, 2 * wanted, 4 * wanted)};
}

Finding check_accept_queue(const Readings& readings, const Wishes& wishes) {
  return check_queue("accept queue", "net.core.somaxconn", readings.somaxconn, wishes);
}

Finding check_syn_backlog(const Readings& readings, const Wishes& wishes) {
  return check_queue("half-open connections", "net.ipv4.tcp_max_syn_backlog",
                     readings.tcp_max_syn_backlog, wishes);
}

Finding check_local_ports(const Readings& readings, const Wishes& wishes) {
  const std::string name = "ports of a load generator";
  if (!readings.local_ports || readings.local_ports->last < readings.local_ports->first) {
    return unknown(name, "net.ipv4.ip_local_port_range");
  }
  const PortRange& range = *readings.local_ports;
  const std::uint64_t ports = range.last - range.first + 1;
  const std::string found = fmt::format(
      "net.ipv4.ip_local_port_range = {} {}: {} connections per "
      "source address",
      range.first, range.last, ports);
  if (wishes.connections <= ports) return {Verdict::kOk, name, found, {}};
  return {
      Verdict::kWarn, name, found,
      fmt::format("only for load tests from one machine: use {} source addresses (127.0.0.2, …), "
                  "or `sysctl -w net.ipv4.ip_local_port_range='1024 65535'`",
                  divide_up(wishes.connections, ports))};
}

Finding check_port(const PortReading& port, const Wishes& wishes) {
  const std::string name = fmt::format("port {}", port.port);
  if (port.bind_errno == 0) return {Verdict::kOk, name, "free", {}};
  const Verdict verdict = wishes.ports_required ? Verdict::kFail : Verdict::kWarn;
  if (port.bind_errno == EADDRINUSE) {
    return {verdict, name, "taken", how_to_free(port.port)};
  }
  std::string mend = "choose another port";
  if (is_want_of_descriptors(port.bind_errno)) mend = "raise RLIMIT_NOFILE (`ulimit -n`)";
  if (port.bind_errno == EACCES) {
    mend = "choose a port from 1024 on, or grant CAP_NET_BIND_SERVICE";
  }
  if (port.bind_errno == EADDRNOTAVAIL) mend = kNotOurAddress;
  return {verdict, name, std::strerror(port.bind_errno), std::move(mend)};
}

std::vector<Finding> examine(const Readings& readings, const Wishes& wishes) {
  std::vector<Finding> findings = {
      check_kernel(readings),
      check_io_uring_allowed(readings),
      check_ring_setup(readings),
      check_ring_operations(readings),
      check_provided_buffers(readings),
      check_shard_ring(readings),
      check_open_files(readings, wishes),
      check_open_files_ceiling(readings, wishes),
      check_system_files(readings, wishes),
      check_locked_memory(readings, wishes),
      check_threads(readings, wishes),
      check_address_space(readings, wishes),
      check_memory(readings, wishes),
      check_tcp_memory(readings, wishes),
      check_accept_queue(readings, wishes),
      check_syn_backlog(readings, wishes),
      check_local_ports(readings, wishes),
  };
  for (const PortReading& port : readings.ports) findings.push_back(check_port(port, wishes));
  return findings;
}

}  // namespace ringgate::doctor
