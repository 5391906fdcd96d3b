// What `ringgate doctor` knows about this machine before it judges. Reading it is kept apart from
// judging it (checks.h), so that the judgement can be tested on machines we do not have.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ringgate::doctor {

// What the kernel said when asked for a ring such as ours.
struct RingReading {
  int setup_errno = 0;        // 0: it made one
  std::bitset<256> opcodes;   // those it supports, by IORING_OP_… number
  int buffer_ring_errno = 0;  // 0: a ring of provided buffers could be registered
  std::string shard_error;    // why the ring of a shard cannot be had; empty: it works
};

struct PortReading {
  std::uint16_t port = 0;
  int bind_errno = 0;  // 0: free
};

struct TcpMemory {  // net.ipv4.tcp_mem, in pages
  std::uint64_t low = 0;
  std::uint64_t pressure = 0;
  std::uint64_t high = 0;
};

struct PortRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
};

// Nothing where the kernel does not have, or does not show, what is asked.
struct Readings {
  std::string kernel_release;  // as uname gives it: "6.1.0-18-amd64"
  std::optional<std::int64_t> io_uring_disabled;
  RingReading ring;
  std::uint64_t nofile_soft = 0;
  std::uint64_t nofile_hard = 0;
  std::uint64_t memlock_bytes = 0;
  std::uint64_t address_space_bytes = UINT64_MAX;
  std::uint64_t stack_bytes = 8ULL << 20U;    // of a new thread
  std::uint64_t threads_soft = UINT64_MAX;    // RLIMIT_NPROC, of a user's threads; root has none
  std::optional<std::uint64_t> threads_used;  // by this user already
  std::uint64_t page_bytes = 4096;
  std::optional<std::uint64_t> memory_available_bytes;
  std::optional<std::uint64_t> somaxconn;
  std::optional<std::uint64_t> tcp_max_syn_backlog;
  std::optional<TcpMemory> tcp_mem;
  std::optional<std::uint64_t> file_max;
  std::optional<std::uint64_t> nr_open;
  std::optional<PortRange> local_ports;
  unsigned cpus = 1;
  std::vector<PortReading> ports;
};

// Asks this machine. `ports` are bound for a moment on every interface, to see whether they are
// free.
[[nodiscard]] Readings take_readings(const std::vector<std::uint16_t>& ports);

// Sets up a ring with the flags that a shard uses, asks what it can do, and closes it. Then makes
// and tries the very ring of a shard.
[[nodiscard]] RingReading probe_ring();

}  // namespace ringgate::doctor
