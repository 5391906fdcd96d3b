// PROXY headers: one verdict, which falls at the same byte however the input is cut, within bounds.
#include <algorithm>

#include "codec/proxy_protocol.h"
#include "tests/codec/hex.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace ringgate;

bool same(const ProxyStep& left, const ProxyStep& right) {
  return left.status == right.status && left.consumed == right.consumed &&
         left.skip == right.skip && left.has_source == right.has_source &&
         std::memcmp(&left.source, &right.source, sizeof left.source) == 0;
}

void check_header(ByteView input, std::size_t max_bytes) {
  const ProxyStep whole = parse_proxy_header(input, max_bytes);
  if (whole.status == ProxyStatus::kDone) {
    fuzz_check(whole.consumed <= kMaxProxyV2Kept && whole.consumed <= input.size(),
               "too much consumed");
    fuzz_check(whole.consumed + whole.skip <= std::max(max_bytes, kMaxProxyV1Bytes),
               "a header above the bound");
    fuzz_check(!whole.has_source || whole.source.ss_family == AF_INET ||
                   whole.source.ss_family == AF_INET6,
               "a source of no family");
  }
  for (std::size_t part = 0; part <= std::min(input.size(), kMaxProxyV2Kept + 1); ++part) {
    const Bytes start(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(part));
    const ProxyStep step = parse_proxy_header(start, max_bytes);
    if (step.status != ProxyStatus::kNeedMore) {
      fuzz_check(same(step, whole), "the verdict depends on later bytes");
      return;
    }
    fuzz_check(step.need > part && step.need <= kMaxProxyV2Kept, "a need that cannot be");
    fuzz_check(whole.status != ProxyStatus::kDone || step.need <= whole.consumed,
               "needs more than the header");
  }
  fuzz_check(whole.status == ProxyStatus::kNeedMore, "no verdict in parts");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const std::size_t max_bytes : {kMaxProxyV2Kept, std::size_t{4096}, kMaxProxyV2Bytes}) {
    check_header({data, size}, max_bytes);
  }
  return 0;
}
