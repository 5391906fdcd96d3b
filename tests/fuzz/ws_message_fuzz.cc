// WebSocket streams, of clients and of servers: every chunking reads the same, messages keep their
// bounds and text is UTF-8.
#include "codec/utf8.h"
#include "tests/codec/ws_stream.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace ringgate;

void check_records(const WsTranscript& read, const WsStreamLimits& limits) {
  fuzz_check(read.broken_rule.empty(), read.broken_rule);
  for (const WsRecord& record : read.records) {
    const bool control = record.opcode >= Opcode::kClose;
    fuzz_check(
        record.payload.size() <= (control ? kMaxWsControlPayloadBytes : limits.max_message_bytes),
        "a payload above the bound");
    if (record.opcode == Opcode::kText) {
      fuzz_check(is_utf8(as_text(record.payload)), "text that is no UTF-8");
    }
    if (record.opcode == Opcode::kClose) {
      fuzz_check(parse_close(record.payload).status == WsCloseStatus::kOk, "a bad close is taken");
    }
  }
  if (read.failed) {
    fuzz_check(read.code == WsCloseCode::kProtocolError ||
                   read.code == WsCloseCode::kInvalidPayload || read.code == WsCloseCode::kTooBig,
               "fails with another code");
  }
}

// What was read, sent again in frames of its own, is read again.
void check_sent_again(const WsTranscript& read, const WsStreamLimits& limits) {
  Bytes again;
  for (const WsRecord& record : read.records) {
    if (limits.from_client) {
      append_client_frame(again, record.opcode, true, record.payload, {0x5a, 0, 0xff, 0x17});
    } else {
      append_server_frame(again, record.opcode, true, record.payload);
    }
  }
  const WsTranscript second = read_ws_stream(again, limits);
  fuzz_check(!second.failed && second.records == read.records, "sent again reads differently");
}

void check_stream(const Bytes& stream, const WsStreamLimits& limits) {
  const WsTranscript whole = read_ws_stream(stream, limits);
  check_records(whole, limits);
  check_sent_again(whole, limits);
  if (stream.empty()) return;
  std::size_t next = 0;
  const auto by_content = [&] { return std::size_t{stream[next++ % stream.size()]} % 11; };
  const WsTranscript by_byte = read_ws_stream(stream, limits, [] { return 1U; });
  fuzz_check(by_byte == whole, "byte by byte reads differently");
  fuzz_check(by_byte.decided_at <= whole.decided_at, "more bytes were needed one by one");
  fuzz_check(read_ws_stream(stream, limits, [] { return 7U; }) == whole,
             "chunks of seven read differently");
  fuzz_check(read_ws_stream(stream, limits, by_content) == whole, "uneven chunks read differently");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4'096) return 0;  // chunks of one cost the square
  const Bytes stream(data, data + size);
  for (const std::size_t max_message_bytes : {0U, 16U, 65'536U}) {
    check_stream(stream, {.max_message_bytes = max_message_bytes, .from_client = true});
    check_stream(stream, {.max_message_bytes = max_message_bytes, .from_client = false});
  }
  return 0;
}
