#include "dataplane/ring.h"

#include <utility>

#include "dataplane/epoll_ring.h"
#include "dataplane/uring.h"

namespace ringgate {
namespace {

RingOptions small_ring() {
  RingOptions small;
  small.sq_entries = 8;
  small.cq_entries = 64;
  small.direct_files = 8;
  small.client_buffers = 4;
  small.link_buffers = 4;
  return small;
}

}  // namespace

RingChoice choose_ring() {
  bool unusable = false;
  auto tried = Uring::create(small_ring(), unusable);
  // Whatever else is in the way says so when the shards' own are made.
  if (tried || !unusable) return {};
  return {RingKind::kEpoll, std::move(tried.error().message)};
}

Result<std::unique_ptr<Ring>> Ring::create(const RingOptions& options) {
  const RingKind kind = options.kind == RingKind::kAuto ? choose_ring().kind : options.kind;
  if (kind == RingKind::kEpoll) return EpollRing::create(options);
  bool unusable = false;
  return Uring::create(options, unusable);
}

bool ring_gathers(RingKind kind) {
  RingOptions small = small_ring();
  small.kind = kind;
  const auto ring = Ring::create(small);
  return ring && (*ring)->gathers();
}

}  // namespace ringgate
