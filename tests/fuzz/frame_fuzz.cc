// Streams of TCP frames: every chunking decodes the same, and frames are exactly the bytes they
// came from.
#include <array>

#include "tests/codec/frame_stream.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace ringgate;

Bytes encode(const std::vector<DecodedFrame>& frames) {
  Bytes stream;
  for (const DecodedFrame& frame : frames) {
    std::array<std::uint8_t, kTcpFrameHeadBytes> head;
    write_tcp_frame_head(head.data(), frame.opcode,
                         static_cast<std::uint32_t>(frame.payload.size()));
    stream.insert(stream.end(), head.begin(), head.end());
    stream.insert(stream.end(), frame.payload.begin(), frame.payload.end());
  }
  return stream;
}

void check_stream(const Bytes& stream, std::size_t max_payload_bytes) {
  const DecodedStream whole = decode_whole(stream, max_payload_bytes);
  fuzz_check(whole.broken_rule.empty(), whole.broken_rule);
  fuzz_check(whole.status != FrameStatus::kFrame, "ends with a complete frame");
  for (const DecodedFrame& frame : whole.frames) {
    fuzz_check(frame.payload.size() <= max_payload_bytes, "a payload above the bound");
  }
  const Bytes taken(stream.begin(),
                    stream.begin() + static_cast<std::ptrdiff_t>(whole.frame_bytes));
  fuzz_check(encode(whole.frames) == taken, "encoding again gives other bytes");
  if (stream.empty()) return;
  std::size_t next = 0;
  const auto by_content = [&] { return std::size_t{stream[next++ % stream.size()]} % 11; };
  fuzz_check(decode_in_chunks(stream, max_payload_bytes, [] { return 1U; }) == whole,
             "byte by byte decodes differently");
  fuzz_check(decode_in_chunks(stream, max_payload_bytes, [] { return 7U; }) == whole,
             "chunks of seven decode differently");
  fuzz_check(decode_in_chunks(stream, max_payload_bytes, by_content) == whole,
             "uneven chunks decode differently");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes stream(data, data + size);
  for (const std::size_t max_payload_bytes : {0U, 16U, 65'536U}) {
    check_stream(stream, max_payload_bytes);
  }
  return 0;
}
