// The one place where a gateway reads headers of packets, and has protobuf rewrite those that
// codec/header_scan.h does not take or that say what a client may not say.
//
// One per shard, on its thread.
#pragma once

#include <cstdint>

#include "codec/header_scan.h"
#include "codec/header_slow.h"
#include "codec/rewrite.h"

namespace ringgate {

// A header, however it had to be read.
enum class HeaderRead : std::uint8_t { kFast, kSlow, kBad, kTooManyMetas };

class HeaderReader {
 public:
  // `scan` is filled in unless the header is bad or has more than `max_metas`. Its views are those
  // of `header`, or (kSlow) valid until the next read(); those of metas only until a rewrite.
  [[nodiscard]] HeaderRead read(ByteView header, std::uint32_t max_metas, HeaderScan& scan);

  // What a client sent, with `identity` in place of whatever it said itself. `read` and `scan` are
  // what read() found in `header`. Empty: it is no protobuf after all. Valid until the next call
  // here.
  [[nodiscard]] ByteView rewrite_for_forward(ByteView header, HeaderRead read,
                                             const ClientIdentity& identity);
  // Whether it has to be: otherwise a suffix behind it does.
  [[nodiscard]] static bool needs_rewrite(HeaderRead read, const HeaderScan& scan) noexcept {
    return read == HeaderRead::kSlow || scan.has_reserved;
  }

  // What a service sent and was read as kSlow, without its dest metas. Valid until the next call.
  [[nodiscard]] ByteView rewrite_for_push() { return slow_path_.rewrite_for_push(); }

 private:
  SlowPath slow_path_;
};

}  // namespace ringgate
