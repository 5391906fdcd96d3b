#include "services/process/ring.h"

#include <spdlog/spdlog.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <string_view>

namespace ringgate {
namespace {

std::atomic<RingKind> known = RingKind::kAuto;

// `dev` and `wsecho` have no configuration that it would be read with.
RingKind of_environment() {
  const char* const text = std::getenv("RINGGATE_RING");
  for (const RingKind kind : {RingKind::kIoUring, RingKind::kEpoll}) {
    if (text != nullptr && std::string_view(text) == describe(kind)) return kind;
  }
  return RingKind::kAuto;
}

RingKind choose() {
  if (const RingKind wanted = of_environment(); wanted != RingKind::kAuto) return wanted;
  const RingChoice choice = choose_ring();
  if (choice.kind != RingKind::kIoUring) {
    spdlog::warn("shards run on epoll, where a message costs more: {}", choice.why);
  }
  return choice.kind;
}

}  // namespace

RingKind ring_of_process(RingKind wanted) {
  if (wanted == RingKind::kAuto) {
    static const RingKind chosen = choose();
    wanted = chosen;
  }
  known = wanted;
  return wanted;
}

void collect_ring(MetricsSnapshot& metrics) {
  const RingKind kind = known;
  if (kind == RingKind::kAuto) return;
  metrics.gauge("ringgate_ring_info", "what shards are on", {{"kind", std::string(describe(kind))}},
                1);
}

}  // namespace ringgate
