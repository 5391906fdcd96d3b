// The slow path: what codec/header_scan.h does not take is parsed, changed and serialized by
// protobuf, on an arena. In a target of its own (ringgate::codec_proto), so that the forward fast
// path cannot come to depend on protobuf.
//
// Any thread; one SlowPath per thread. It owns its arena and its output; both are reused. Views
// handed out stay valid until the next call on the same object; a scan's command and dest until the
// next parse().
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "codec/bytes.h"
#include "codec/header_scan.h"
#include "codec/rewrite.h"

namespace ringgate {

// Whether a header that is not canonical has more metas than that, before anything is built from
// it: counts what may be one, also inside of unknown groups. Says nothing of whether it is
// protobuf.
[[nodiscard]] bool has_more_metas(ByteView header, std::uint32_t max_metas) noexcept;

class SlowPath {
 public:
  SlowPath();
  ~SlowPath();
  SlowPath(const SlowPath&) = delete;
  SlowPath& operator=(const SlowPath&) = delete;

  // Parses a Header of any encoding. False: it is not protobuf, and whoever sent it is told so by
  // a close. The scan's views are those of the parsed message; its ranges (MetaField::begin, end)
  // are not set.
  [[nodiscard]] bool parse(ByteView header, HeaderScan& scan);

  // The header last parsed, with reserved metas dropped, and channelId, flag = 0, status = 0 and
  // the three metas of `identity` set. Unknown fields stay, as protobuf keeps them, except those
  // with the number of a known field and another wire type, which lenient decoders would take for
  // it.
  [[nodiscard]] ByteView rewrite_for_forward(const ClientIdentity& identity);

  // The header last parsed, without dest.server and dest.channels metas.
  [[nodiscard]] ByteView rewrite_for_push();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ringgate
