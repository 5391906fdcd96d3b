// WebSocket streams: messages round-trip through any fragmentation and chunking.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/codec/ws_stream.h"

namespace ringgate {
namespace {

constexpr WsStreamLimits kLimits = {.max_message_bytes = 70'000};

struct SentMessage {
  bool text = false;
  Bytes payload;
  std::vector<std::size_t> fragment_bytes;  // the last fragment takes what is left
  std::vector<Bytes> pings;                 // one before each fragment, as far as they go
};

rc::Gen<Bytes> bytes_of(std::size_t size) {
  return rc::gen::container<Bytes>(size, rc::gen::arbitrary<std::uint8_t>());
}

rc::Gen<Bytes> texts() {
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
                          "a", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "some words")),
                      [](const std::vector<std::string>& parts) {
                        Bytes text;
                        for (const std::string& part : parts)
                          text.insert(text.end(), part.begin(), part.end());
                        return text;
                      });
}

rc::Gen<Bytes> payloads() {
  return rc::gen::mapcat(rc::gen::element<std::size_t>(0, 1, 8, 125, 126, 300), bytes_of);
}

SentMessage any_message() {
  SentMessage message;
  message.text = *rc::gen::arbitrary<bool>();
  message.payload = message.text ? *texts() : *payloads();
  message.fragment_bytes =
      *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, 130));
  message.pings = *rc::gen::container<std::vector<Bytes>>(
      rc::gen::mapcat(rc::gen::inRange<std::size_t>(0, 126), bytes_of));
  return message;
}

// Appends the frames and what a reader of them should see.
void send(const SentMessage& message, bool from_client, Bytes& stream,
          std::vector<WsRecord>& expected) {
  const auto append = [&](Opcode opcode, bool fin, ByteView payload) {
    if (from_client) {
      append_client_frame(stream, opcode, fin, payload, *rc::gen::arbitrary<WsMaskKey>());
    } else {
      append_server_frame(stream, opcode, fin, payload);
    }
  };
  const Opcode kind = message.text ? Opcode::kText : Opcode::kBinary;
  ByteView rest = message.payload;
  for (std::size_t i = 0;; ++i) {
    if (i < message.pings.size()) {
      append(Opcode::kPing, true, message.pings[i]);
      expected.push_back({Opcode::kPing, message.pings[i]});
    }
    const bool last = i >= message.fragment_bytes.size();
    const std::size_t size = last ? rest.size() : std::min(message.fragment_bytes[i], rest.size());
    append(i == 0 ? kind : Opcode::kContinuation, last, rest.first(size));
    rest = rest.subspan(size);
    if (last) break;
  }
  expected.push_back({kind, message.payload});
}

struct Sent {
  Bytes stream;
  std::vector<WsRecord> expected;
};

Sent any_stream(bool from_client) {
  Sent sent;
  for (int n = *rc::gen::inRange(0, 5); n > 0; --n) {
    send(any_message(), from_client, sent.stream, sent.expected);
  }
  return sent;
}

std::function<std::size_t()> any_chunks() {
  auto sizes = *rc::gen::container<std::vector<std::size_t>>(
      rc::gen::oneOf(rc::gen::inRange<std::size_t>(1, 8), rc::gen::inRange<std::size_t>(1, 700)));
  return [sizes = std::move(sizes), next = std::size_t{0}]() mutable {
    return sizes.empty() ? 1 : sizes[next++ % sizes.size()];
  };
}

RC_GTEST_PROP(WsStream, MessagesRoundTripInEveryChunking, ()) {
  const bool from_client = *rc::gen::arbitrary<bool>();
  const Sent sent = any_stream(from_client);
  const WsStreamLimits limits = {.max_message_bytes = 70'000, .from_client = from_client};
  const WsTranscript read = read_ws_stream(sent.stream, limits, any_chunks());
  RC_ASSERT(read.broken_rule == "");
  RC_ASSERT(!read.failed);
  RC_ASSERT(read.records == sent.expected);
  RC_ASSERT(read.frame_bytes == sent.stream.size());
}

RC_GTEST_PROP(WsStream, DamagedStreamsEndAlikeInEveryChunking, ()) {
  Bytes stream = any_stream(true).stream;
  RC_PRE(!stream.empty());
  const std::size_t at = *rc::gen::inRange<std::size_t>(0, stream.size());
  stream[at] = *rc::gen::arbitrary<std::uint8_t>();
  stream.resize(*rc::gen::inRange<std::size_t>(1, stream.size() + 1));
  const WsTranscript whole = read_ws_stream(stream, kLimits);
  RC_ASSERT(whole.broken_rule == "");
  RC_ASSERT(read_ws_stream(stream, kLimits, any_chunks()) == whole);
}

RC_GTEST_PROP(WsHead, ParsedIsWhatWasWritten, ()) {
  const std::size_t size = *rc::gen::element<std::size_t>(0, 1, 125, 126, 127, 65'535, 65'536) +
                           *rc::gen::inRange<std::size_t>(0, 200);
  const auto key = *rc::gen::arbitrary<WsMaskKey>();
  std::array<std::uint8_t, kMaxWsFrameHeadBytes> head;
  std::uint8_t* const end = write_ws_client_head(head.data(), Opcode::kBinary, size, key);
  const ByteView written(head.data(), end);
  const WsFrameStep step = next_ws_frame(written, {.max_data_bytes = size});
  RC_ASSERT(step.head.head_bytes == written.size());
  RC_ASSERT(step.head.payload_bytes == size);
  RC_ASSERT(step.head.key == key);
  RC_ASSERT(step.head.fin);
  if (size > 0) {
    RC_ASSERT(next_ws_frame(written, {.max_data_bytes = size - 1}).status ==
              WsFrameStatus::kTooLong);
  }
}

}  // namespace
}  // namespace ringgate
