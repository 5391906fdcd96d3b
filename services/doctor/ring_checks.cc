// Of the doctor's checks those about the kernel and its rings.
#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>

#include "dataplane/ring_operations.h"
#include "services/doctor/checks.h"

namespace ringgate::doctor {
namespace {

constexpr int kNeededMajor = 6;
constexpr int kNeededMinor = 1;
constexpr std::string_view kUpgrade = "boot Linux 6.1 or later (Debian 12 has it)";

struct Version {
  int major = 0;
  int minor = 0;
};

Version parse_release(std::string_view release) {
  Version version;
  const char* const begin = release.begin();
  const char* const end = release.end();
  const auto major = std::from_chars(begin, end, version.major);
  if (major.ptr != end && *major.ptr == '.') std::from_chars(major.ptr + 1, end, version.minor);
  return version;
}

std::string mend_setup(int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      return "allow io_uring: `sysctl -w kernel.io_uring_disabled=0`; in a container use a seccomp "
             "profile that allows io_uring_setup, io_uring_enter and io_uring_register";
    case ENOSYS:
      return "use a kernel built with CONFIG_IO_URING, and a sandbox that passes it on";
    case EINVAL:
      return std::string(kUpgrade);
    case ENOMEM:
      return "raise the memory limit of the container, or RLIMIT_MEMLOCK (`ulimit -l`)";
    case EMFILE:
      return "raise RLIMIT_NOFILE (`ulimit -n`)";
    default:
      return "look for the kernel's reason in `dmesg`";
  }
}

}  // namespace

Finding check_kernel(const Readings& readings) {
  const Version version = parse_release(readings.kernel_release);
  const bool good = version.major > kNeededMajor ||
                    (version.major == kNeededMajor && version.minor >= kNeededMinor);
  const std::string found = fmt::format("Linux {}", readings.kernel_release);
  if (good) return {Verdict::kOk, "kernel", found, {}};
  return {Verdict::kFail, "kernel", found, std::string(kUpgrade)};
}

Finding check_io_uring_allowed(const Readings& readings) {
  const std::string name = "io_uring allowed";
  // The sysctl is of Linux 6.6; before it there was nothing to forbid rings with.
  if (!readings.io_uring_disabled) {
    return {Verdict::kOk, name, "no kernel.io_uring_disabled here", {}};
  }
  const std::int64_t value = *readings.io_uring_disabled;
  const std::string found = fmt::format("kernel.io_uring_disabled = {}", value);
  if (value == 0) return {Verdict::kOk, name, found, {}};
  // 1 leaves rings to the privileged and to members of kernel.io_uring_group.
  if (value == 1 && readings.ring.setup_errno == 0) return {Verdict::kOk, name, found, {}};
  return {Verdict::kFail, name, found, "`sysctl -w kernel.io_uring_disabled=0`"};
}

Finding check_ring_setup(const Readings& readings) {
  const std::string name = "io_uring setup";
  const int error = readings.ring.setup_errno;
  if (error == 0) return {Verdict::kOk, name, "SINGLE_ISSUER and DEFER_TASKRUN work", {}};
  return {Verdict::kFail, name, fmt::format("io_uring_setup: {}", std::strerror(error)),
          mend_setup(error)};
}

Finding check_ring_operations(const Readings& readings) {
  const std::string name = "io_uring operations";
  if (readings.ring.setup_errno != 0) {
    return {Verdict::kFail, name, "no ring to ask", "mend io_uring setup first"};
  }
  std::string missing;
  for (const RingOperation& operation : kRingOperations) {
    if (readings.ring.opcodes.test(operation.opcode)) continue;
    if (!missing.empty()) missing += ", ";
    missing += operation.name;
  }
  if (!missing.empty()) {
    return {Verdict::kFail, name, "not supported: " + missing, std::string(kUpgrade)};
  }
  return {Verdict::kOk, name, fmt::format("all {} are there", kRingOperations.size()), {}};
}

Finding check_provided_buffers(const Readings& readings) {
  const std::string name = "provided buffers";
  if (readings.ring.setup_errno != 0) {
    return {Verdict::kFail, name, "no ring to ask", "mend io_uring setup first"};
  }
  const int error = readings.ring.buffer_ring_errno;
  if (error == 0) return {Verdict::kOk, name, "a ring of buffers registers", {}};
  return {Verdict::kFail, name, fmt::format("IORING_REGISTER_PBUF_RING: {}", std::strerror(error)),
          mend_setup(error)};
}

// What the others do not think of: a filter that lets rings be made and not be used.
Finding check_shard_ring(const Readings& readings) {
  const std::string name = "io_uring at work";
  const std::string& error = readings.ring.shard_error;
  if (error.empty()) return {Verdict::kOk, name, "a no-op went through the ring of a shard", {}};
  // The data plane's sentence says what fails, then how to mend it.
  const std::size_t end = error.rfind("; ");
  if (end == std::string::npos) return {Verdict::kFail, name, error, "mend what is named above"};
  return {Verdict::kFail, name, error.substr(0, end), error.substr(end + 2)};
}

}  // namespace ringgate::doctor
