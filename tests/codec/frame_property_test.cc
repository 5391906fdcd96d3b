#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "codec/packet.h"
#include "codec/rewrite.h"
#include "tests/codec/frame_stream.h"

namespace ringgate {
namespace {

constexpr std::size_t kMaxPayloadBytes = 300;

rc::Gen<Bytes> payloads() {
  return rc::gen::mapcat(
      rc::gen::element<std::size_t>(0, 1, 5, 255, 256, kMaxPayloadBytes), [](std::size_t size) {
        return rc::gen::container<Bytes>(size, rc::gen::arbitrary<std::uint8_t>());
      });
}

rc::Gen<DecodedFrame> frames() {
  return rc::gen::build<DecodedFrame>(
      rc::gen::set(&DecodedFrame::opcode,
                   rc::gen::element(Opcode::kContinuation, Opcode::kText, Opcode::kBinary,
                                    Opcode::kClose, Opcode::kPing, Opcode::kPong)),
      rc::gen::set(&DecodedFrame::payload, payloads()));
}

Bytes encode(const std::vector<DecodedFrame>& frames) {
  Bytes stream;
  for (const DecodedFrame& frame : frames) {
    std::uint8_t head[kTcpFrameHeadBytes];
    write_tcp_frame_head(head, frame.opcode, static_cast<std::uint32_t>(frame.payload.size()));
    stream.insert(stream.end(), head, head + sizeof head);
    stream.insert(stream.end(), frame.payload.begin(), frame.payload.end());
  }
  return stream;
}

// Chunk sizes, over and over; some of them below a head, some above several frames.
std::function<std::size_t()> chunks_of(std::vector<std::size_t> sizes) {
  return [sizes = std::move(sizes), next = std::size_t{0}]() mutable {
    return sizes.empty() ? 1 : sizes[next++ % sizes.size()];
  };
}

rc::Gen<std::vector<std::size_t>> chunk_sizes() {
  return rc::gen::container<std::vector<std::size_t>>(
      rc::gen::oneOf(rc::gen::inRange<std::size_t>(1, 8), rc::gen::inRange<std::size_t>(1, 700)));
}

RC_GTEST_PROP(FrameStream, EveryChunkingDecodesTheSame, ()) {
  const auto sent = *rc::gen::container<std::vector<DecodedFrame>>(frames());
  const Bytes stream = encode(sent);
  const DecodedStream decoded =
      decode_in_chunks(stream, kMaxPayloadBytes, chunks_of(*chunk_sizes()));
  RC_ASSERT(decoded.broken_rule == "");
  RC_ASSERT(decoded.frames == sent);
  RC_ASSERT(decoded.frame_bytes == stream.size());
}

RC_GTEST_PROP(FrameStream, DamagedStreamsEndAlikeInEveryChunking, ()) {
  Bytes stream = encode(*rc::gen::container<std::vector<DecodedFrame>>(frames()));
  RC_PRE(!stream.empty());
  const std::size_t at = *rc::gen::inRange<std::size_t>(0, stream.size());
  stream[at] = *rc::gen::arbitrary<std::uint8_t>();
  stream.resize(*rc::gen::inRange<std::size_t>(1, stream.size() + 1));
  const DecodedStream whole = decode_whole(stream, kMaxPayloadBytes);
  RC_ASSERT(whole.broken_rule == "");
  RC_ASSERT(decode_in_chunks(stream, kMaxPayloadBytes, chunks_of(*chunk_sizes())) == whole);
}

RC_GTEST_PROP(PacketRoundTrip, ParsedPacketsAreWhatWasWritten, ()) {
  const Bytes header = *rc::gen::arbitrary<Bytes>();
  const Bytes body = *rc::gen::arbitrary<Bytes>();
  Bytes tail(4);
  store_be(tail.data(), static_cast<std::uint32_t>(body.size()));
  tail.insert(tail.end(), body.begin(), body.end());
  const PushHeader pieces = {.pieces = {ByteView(header)}, .bytes = header.size()};
  Bytes payload(push_packet_bytes(pieces, tail));
  write_push_packet(payload.data(), pieces, tail);
  const Packet packet = parse_packet(payload, header.size());
  RC_ASSERT(packet.status == PacketStatus::kLogic);
  RC_ASSERT(Bytes(packet.header.begin(), packet.header.end()) == header);
  RC_ASSERT(Bytes(packet.body.begin(), packet.body.end()) == body);
  RC_ASSERT(Bytes(packet.tail.begin(), packet.tail.end()) == tail);
  if (!header.empty()) {
    RC_ASSERT(parse_packet(payload, header.size() - 1).status == PacketStatus::kHeaderTooLong);
  }
  payload.push_back(0);
  RC_ASSERT(parse_packet(payload, header.size()).status == PacketStatus::kBadLength);
}

}  // namespace
}  // namespace ringgate
