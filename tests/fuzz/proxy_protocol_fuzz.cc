// PROXY headers: one verdict, which falls at the same byte however the input is cut, within bounds.
#include <algorithm>

#include "codec/proxy_protocol.h"
#include "tests/codec/hex.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace ringgate;

bool same(const ProxyStep& left, const ProxyStep& right) {
  return left.status == right.status && left.consumed == right.consumed &&
         left.has_source == right.has_source &&
         std::memcmp(&left.source, &right.source, sizeof left.source) == 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const ProxyStep whole = parse_proxy_header(input);
  if (whole.status == ProxyStatus::kDone) {
    fuzz_check(whole.consumed <= kMaxProxyV2Bytes && whole.consumed <= size, "too much consumed");
    fuzz_check(!whole.has_source || whole.source.ss_family == AF_INET ||
                   whole.source.ss_family == AF_INET6,
               "a source of no family");
  }
  for (std::size_t part = 0; part <= std::min(size, kMaxProxyV2Bytes + 1); ++part) {
    const Bytes start(data, data + part);
    const ProxyStep step = parse_proxy_header(start);
    if (step.status != ProxyStatus::kNeedMore) {
      fuzz_check(same(step, whole), "the verdict depends on later bytes");
      return 0;
    }
    fuzz_check(step.need > part && step.need <= kMaxProxyV2Bytes, "a need that cannot be");
    fuzz_check(whole.status != ProxyStatus::kDone || step.need <= whole.consumed,
               "needs more than the header");
  }
  fuzz_check(whole.status == ProxyStatus::kNeedMore, "no verdict in parts");
  return 0;
}
