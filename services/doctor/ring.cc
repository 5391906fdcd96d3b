// Asks the kernel for a ring by system calls of our own, to tell apart what it lacks; last by the
// data plane itself, so that the doctor and the start of a shard never disagree.
#include "dataplane/ring.h"

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "services/doctor/readings.h"

namespace ringgate::doctor {
namespace {

constexpr unsigned kEntries = 8;
constexpr unsigned kProbeOps = 256;

long register_with_ring(int ring, unsigned opcode, void* argument, unsigned count) {
  return syscall(__NR_io_uring_register, ring, opcode, argument, count);
}

std::bitset<256> probe_opcodes(int ring) {
  // The structure ends in an array without a size, which C++ does not have.
  struct Probe {
    alignas(io_uring_probe) std::array<unsigned char, sizeof(io_uring_probe)> head;
    std::array<io_uring_probe_op, kProbeOps> ops;
  };
  static_assert(sizeof(Probe) == sizeof(io_uring_probe) + sizeof(io_uring_probe_op) * kProbeOps);
  Probe probe{};
  std::bitset<256> supported;
  if (register_with_ring(ring, IORING_REGISTER_PROBE, &probe, kProbeOps) < 0) return supported;
  for (const io_uring_probe_op& op : probe.ops) {
    if ((op.flags & IO_URING_OP_SUPPORTED) != 0) supported.set(op.op);
  }
  return supported;
}

int probe_buffer_ring(int ring) {
  const std::size_t bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return errno;
  io_uring_buf_reg buffers{};
  buffers.ring_addr = reinterpret_cast<std::uintptr_t>(memory);
  buffers.ring_entries = kEntries;
  const int error =
      register_with_ring(ring, IORING_REGISTER_PBUF_RING, &buffers, 1) < 0 ? errno : 0;
  if (error == 0) register_with_ring(ring, IORING_UNREGISTER_PBUF_RING, &buffers, 1);
  munmap(memory, bytes);
  return error;
}

std::string try_shard_ring() {
  RingOptions small;
  small.sq_entries = kEntries;
  small.cq_entries = 2 * kEntries;
  small.client_buffers = kEntries;
  small.link_buffers = kEntries;
  small.direct_files = kEntries;
  const Result<std::unique_ptr<Ring>> ring = Ring::create(small);
  return ring ? std::string() : ring.error().message;
}

}  // namespace

RingReading probe_ring() {
  io_uring_params parameters{};
  parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                     IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
  parameters.cq_entries = 2 * kEntries;
  RingReading reading;
  reading.shard_error = try_shard_ring();
  const long ring = syscall(__NR_io_uring_setup, kEntries, &parameters);
  if (ring < 0) {
    reading.setup_errno = errno;
    return reading;
  }
  reading.opcodes = probe_opcodes(static_cast<int>(ring));
  reading.buffer_ring_errno = probe_buffer_ring(static_cast<int>(ring));
  close(static_cast<int>(ring));
  return reading;
}

}  // namespace ringgate::doctor
