#include "services/process/ring.h"

#include <spdlog/spdlog.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <string_view>

namespace ringgate {
namespace {

std::atomic<RingKind> known = RingKind::kAuto;

std::atomic<bool> fell_back = false;  // `auto` would rather have io_uring

std::string warning(const RingChoice& choice) {
  return "shards run on epoll, where a message costs more: " + choice.why;
}

// `dev` and `wsecho` have no configuration that it would be read with.
RingKind of_environment() {
  const char* const text = std::getenv("RINGGATE_RING");
  for (const RingKind kind : {RingKind::kIoUring, RingKind::kEpoll}) {
    if (text != nullptr && std::string_view(text) == describe(kind)) return kind;
  }
  return RingKind::kAuto;
}

RingChoice choose() {
  if (const RingKind wanted = of_environment(); wanted != RingKind::kAuto) return {wanted, {}};
  RingChoice choice = choose_ring();
  if (choice.kind != RingKind::kIoUring) spdlog::warn("{}", warning(choice));
  return choice;
}

const RingChoice& chosen() {
  static const RingChoice choice = choose();
  return choice;
}

}  // namespace

RingKind ring_of_process(RingKind wanted) {
  if (wanted == RingKind::kAuto) {
    wanted = chosen().kind;
    fell_back = !chosen().why.empty();
  }
  known = wanted;
  return wanted;
}

std::optional<std::string> ring_warning() {
  if (!fell_back) return std::nullopt;
  return warning(chosen());
}

void collect_ring(MetricsSnapshot& metrics) {
  const RingKind kind = known;
  if (kind == RingKind::kAuto) return;
  metrics.gauge("ringgate_ring_info", "what shards are on", {{"kind", std::string(describe(kind))}},
                1);
}

}  // namespace ringgate
