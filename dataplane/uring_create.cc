// Making a ring. What it needs is tried here, once, so that a machine that forbids a part of it is
// told of in a sentence at start.
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "dataplane/ring_operations.h"
#include "dataplane/shortage.h"
#include "dataplane/uring.h"

namespace ringgate {
namespace {

// More than a ring of ours maps: where there is not so much, that is why.
constexpr std::size_t kRoomOfRing = std::size_t{256} * 1024 * 1024;

// Why there is no ring. `unusable`: the kernel forbids it or is too old, so that none of its kind
// can be had here; else it lacks memory or descriptors.
struct Refusal {
  std::string message;
  bool unusable = false;
};
using Attempt = std::expected<void, Refusal>;

bool is_forbidden(int error) {
  return error == EPERM || error == EACCES || error == ENOSYS;
}

std::unexpected<Refusal> refuse(std::string message, bool unusable) {
  return std::unexpected(Refusal{std::move(message), unusable});
}

std::string explain_setup_failure(int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      return "io_uring is forbidden here: set the sysctl kernel.io_uring_disabled to 0, and in a "
             "container allow io_uring_setup, io_uring_enter and io_uring_register in its seccomp "
             "profile";
    case ENOSYS:
      return "this kernel has no io_uring (or a seccomp profile hides it): Linux 6.1 or newer is "
             "needed";
    case EINVAL:
      return "this kernel's io_uring is too old: Linux 6.1 or newer is needed (DEFER_TASKRUN)";
    case ENOMEM:
      return "no ring: " +
             want_of_address_space(kRoomOfRing)
                 .value_or("not enough locked memory; raise RLIMIT_MEMLOCK (ulimit -l)");
    default:
      return "no ring: " + why_no_descriptor(error);
  }
}

// A call that fails although rings can be set up.
std::string explain_failure(std::string_view call, int error) {
  if (error == ENOMEM) {
    if (const auto want = want_of_address_space(kRoomOfRing)) {
      return fmt::format("{} fails: {}", call, *want);
    }
  }
  const std::string failed = fmt::format("{} fails: {}", call, std::strerror(error));
  if (!is_forbidden(error)) {
    return failed + "; Linux 6.1 or newer and enough locked memory (ulimit -l) are needed";
  }
  return failed +
         "; rings are allowed here only in part: in a container allow io_uring_setup, "
         "io_uring_enter and io_uring_register in its seccomp profile";
}

Attempt probe_operations(io_uring* ring) {
  struct Free {
    void operator()(io_uring_probe* probe) const { io_uring_free_probe(probe); }
  };
  const std::unique_ptr<io_uring_probe, Free> probe(io_uring_get_probe_ring(ring));
  if (probe == nullptr) {
    return refuse(explain_failure("io_uring_register (of a probe)", EPERM), true);
  }
  std::string missing;
  for (const RingOperation& operation : kRingOperations) {
    if (io_uring_opcode_supported(probe.get(), operation.opcode) != 0) continue;
    missing.append(missing.empty() ? "" : ", ").append(operation.name);
  }
  if (missing.empty()) return {};
  return refuse("this kernel's io_uring has no " + missing + ": Linux 6.1 or newer is needed",
                true);
}

// One no-op there and back: what every turn of a shard does.
Attempt try_noop(io_uring* ring) {
  constexpr int kSeconds = 10;  // a machine that is only busy has answered by then
  io_uring_prep_nop(io_uring_get_sqe(ring));
  io_uring_cqe* cqe = nullptr;
  int result = 0;
  for (int second = 0; second < kSeconds && cqe == nullptr; ++second) {
    __kernel_timespec timeout{1, 0};
    result = io_uring_submit_and_wait_timeout(ring, &cqe, 1, &timeout, nullptr);
    const bool again = result >= 0 || result == -ETIME || result == -EINTR || result == -EAGAIN;
    if (!again) return refuse(explain_failure("io_uring_enter", -result), is_forbidden(-result));
  }
  if (cqe == nullptr) {
    return refuse(fmt::format("io_uring did not complete a no-op within {} s", kSeconds), false);
  }
  const int done = cqe->res;
  io_uring_cqe_seen(ring, cqe);
  if (done < 0) return refuse(explain_failure("an io_uring no-op", -done), is_forbidden(-done));
  return {};
}

Attempt register_tables(io_uring* ring, const RingOptions& options,
                        std::array<BufferRing, 2>& buffers) {
  if (options.direct_files > 0) {
    const int result = io_uring_register_files_sparse(ring, options.direct_files);
    if (result < 0 && is_forbidden(-result)) {
      return refuse(explain_failure("io_uring_register (of direct descriptors)", -result), true);
    }
    if (result < 0) {
      return refuse(
          fmt::format(
              "a table of {} direct descriptors could not be registered ({}): it can hold no more "
              "than "
              "RLIMIT_NOFILE; raise that limit, or lower MaxConnections and use more shards",
              options.direct_files, std::strerror(-result)),
          false);
    }
  }
  const auto group = [](BufferGroup g) { return static_cast<std::uint16_t>(g); };
  int result = buffers[0].create(ring, group(BufferGroup::kClients), options.client_buffers,
                                 options.client_buffer_bytes);
  if (result == 0) {
    result = buffers[1].create(ring, group(BufferGroup::kLinks), options.link_buffers,
                               options.link_buffer_bytes);
  }
  if (result < 0) {
    return refuse(explain_failure("io_uring_register (of receive buffers)", -result),
                  is_forbidden(-result));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Ring>> Uring::create(const RingOptions& options, bool& unusable) {
  unusable = false;
  auto state = std::make_unique<UringState>();
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL |
                 IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
  params.cq_entries = options.cq_entries;
  const int result = io_uring_queue_init_params(options.sq_entries, &state->ring, &params);
  if (result < 0) {
    unusable = is_forbidden(-result) || result == -EINVAL;
    return fail(explain_setup_failure(-result));
  }
  state->initialized = true;
  constexpr unsigned kMinTimeout = 1U << 15;  // IORING_FEAT_MIN_TIMEOUT: Linux 6.12
  state->gathers_completions = (params.features & kMinTimeout) != 0;
  // Saves a lookup per call; harmless where it fails.
  state->is_registered = io_uring_register_ring_fd(&state->ring) == 1;
  Attempt works = probe_operations(&state->ring);
  if (works) works = register_tables(&state->ring, options, state->buffers);
  if (works) works = try_noop(&state->ring);
  if (!works) {
    unusable = works.error().unusable;
    return fail(works.error().message);
  }
  return std::unique_ptr<Ring>(new Uring(std::move(state)));
}

}  // namespace ringgate
