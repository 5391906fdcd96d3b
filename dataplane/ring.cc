#include "dataplane/ring.h"

#include <utility>

#include "dataplane/epoll_ring.h"
#include "dataplane/uring.h"

namespace ringgate {

RingChoice choose_ring() {
  RingOptions small;
  small.sq_entries = 8;
  small.cq_entries = 64;
  small.direct_files = 8;
  small.client_buffers = 4;
  small.link_buffers = 4;
  bool unusable = false;
  auto tried = Uring::create(small, unusable);
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

}  // namespace ringgate
