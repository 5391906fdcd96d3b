// The judgement of `ringgate doctor`: pure functions of what was read, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "services/doctor/readings.h"

namespace ringgate::doctor {

enum class Verdict : std::uint8_t { kOk, kWarn, kFail };

[[nodiscard]] std::string_view verdict_name(Verdict verdict) noexcept;  // "ok", "warn", "FAIL"

struct Finding {
  Verdict verdict = Verdict::kOk;
  std::string name;   // of the check: "open files"
  std::string found;  // what is
  std::string mend;   // how to mend it; empty when there is nothing to mend
};

struct Wishes {
  std::uint64_t connections = 10'000;
  std::uint64_t shards = 0;     // 0: one for each CPU, or more where the limits want it
  bool ports_required = false;  // a taken port is a failure, not a warning
};

// One connection: what ringgate keeps for it, and what the kernel does.
inline constexpr std::uint64_t kUserBytesPerConnection = 320;
inline constexpr std::uint64_t kKernelBytesPerConnection = 4608;

[[nodiscard]] Finding check_kernel(const Readings& readings);
[[nodiscard]] Finding check_io_uring_allowed(const Readings& readings);
[[nodiscard]] Finding check_ring_setup(const Readings& readings);
[[nodiscard]] Finding check_ring_operations(const Readings& readings);
[[nodiscard]] Finding check_provided_buffers(const Readings& readings);
[[nodiscard]] Finding check_shard_ring(const Readings& readings);
[[nodiscard]] Finding check_open_files(const Readings& readings, const Wishes& wishes);
[[nodiscard]] Finding check_system_files(const Readings& readings, const Wishes& wishes);
[[nodiscard]] Finding check_open_files_ceiling(const Readings& readings, const Wishes& wishes);
[[nodiscard]] Finding check_locked_memory(const Readings& readings, const Wishes& wishes);
[[nodiscard]] Finding check_threads(const Readings& readings, const Wishes& wishes);
[[nodiscard]] Finding check_address_space(const Readings& readings, const Wishes& wishes);
[[nodiscard]] Finding check_memory(const Readings& readings, const Wishes& wishes);
[[nodiscard]] Finding check_tcp_memory(const Readings& readings, const Wishes& wishes);
[[nodiscard]] Finding check_accept_queue(const Readings& readings, const Wishes& wishes);
[[nodiscard]] Finding check_syn_backlog(const Readings& readings, const Wishes& wishes);
[[nodiscard]] Finding check_local_ports(const Readings& readings, const Wishes& wishes);
[[nodiscard]] Finding check_port(const PortReading& port, const Wishes& wishes);

// All of them, in the order in which one would mend them.
[[nodiscard]] std::vector<Finding> examine(const Readings& readings, const Wishes& wishes);

}  // namespace ringgate::doctor
