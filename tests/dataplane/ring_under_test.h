// Which ring the tests of the real ones are for: RINGGATE_RING, or io_uring.
#pragma once

#include <cstdlib>
#include <string_view>

#include "dataplane/ring.h"

namespace ringgate::test {

inline RingKind ring_under_test() {
  const char* const wanted = std::getenv("RINGGATE_RING");
  const bool epoll = wanted != nullptr && std::string_view(wanted) == describe(RingKind::kEpoll);
  return epoll ? RingKind::kEpoll : RingKind::kIoUring;
}

inline RingOptions options_under_test() {
  RingOptions options;
  options.kind = ring_under_test();
  return options;
}

}  // namespace ringgate::test
