#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <iterator>
#include <string>

#include "codec/tcp_frame.h"
#include "tests/codec/header_oracle.h"
#include "tests/codec/odd_headers.h"

namespace ringgate {
namespace {

rc::Gen<std::string> texts() {
  const auto ascii = rc::gen::container<std::string>(rc::gen::inRange<char>(0, 127));
  const auto pieces =
      rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
                       "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "12345678")),
                   [](const std::vector<std::string>& parts) {
                     std::string text;
                     for (const std::string& part : parts) text += part;
                     return text;
                   });
  const auto sized = rc::gen::map(rc::gen::element<std::size_t>(127, 128, 200, 16'384),
                                  [](std::size_t size) { return std::string(size, 's'); });
  return rc::gen::weightedOneOf<std::string>({{5, ascii}, {5, pieces}, {1, sized}});
}

rc::Gen<std::string> keys() {
  return rc::gen::weightedOneOf<std::string>(
      {{3, texts()},
       {2, rc::gen::element<std::string>("app", "account", "dest.server", "dest.channels")},
       {1, rc::gen::element<std::string>("apq", "dest.serves", "dest.channel", "trace", "")}});
}

pkt::Header any_header(int max_metas) {
  pkt::Header header;
  header.set_command(*texts());
  header.set_channelid(*texts());
  header.set_sequence(*rc::gen::oneOf(rc::gen::arbitrary<std::uint32_t>(),
                                      rc::gen::inRange<std::uint32_t>(0, 300)));
  header.set_flag(static_cast<pkt::Flag>(*rc::gen::inRange(0, 4)));
  header.set_status(static_cast<pkt::Status>(*rc::gen::element(0, 100, 105, 300, 404, 70'000)));
  header.set_dest(*texts());
  const int metas = *rc::gen::inRange(0, max_metas + 1);
  for (int i = 0; i < metas; ++i) {
    pkt::Meta* meta = header.add_meta();
    meta->set_key(*keys());
    meta->set_value(*texts());
    meta->set_type(static_cast<pkt::MetaType>(*rc::gen::inRange(0, 3)));
  }
  return header;
}

template <class Bytewise>
void insert_at(Bytes& bytes, std::size_t at, const Bytewise& what) {
  bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), what.begin(), what.end());
}

// Damage as fuzzers do it: one byte, a doubled range, a left-out range, a hand-made oddity.
void mutate(Bytes& bytes) {
  const std::size_t at = *rc::gen::inRange<std::size_t>(0, bytes.size() + 1);
  const std::size_t rest = bytes.size() - at;
  const std::size_t length = *rc::gen::inRange<std::size_t>(0, rest + 1);
  const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at);
  switch (*rc::gen::inRange(0, 5)) {
    case 0:
      if (rest != 0) bytes[at] = *rc::gen::arbitrary<std::uint8_t>();
      break;
    case 1:
      bytes.insert(begin, *rc::gen::element<std::uint8_t>(0x0a, 0x18, 0x3a, 0x80, 0x00, 0x03));
      break;
    case 2: {
      const Bytes copy(begin, begin + static_cast<std::ptrdiff_t>(length));
      insert_at(bytes, at, copy);
      break;
    }
    case 3:
      bytes.erase(begin, begin + static_cast<std::ptrdiff_t>(length));
      break;
    default:
      insert_at(bytes, at,
                hex(kOddHeaders[*rc::gen::inRange<std::size_t>(0, std::size(kOddHeaders))].hex));
  }
}

RC_GTEST_PROP(Header, WhatProtobufWritesIsCanonicalAndAgreed, ()) {
  const std::string bytes = any_header(6).SerializeAsString();
  HeaderScan scan;
  RC_ASSERT(scan_header(as_bytes(bytes), 6, scan) == ScanStatus::kCanonical);
  SlowPath slow;
  RC_ASSERT(judge_header(as_bytes(bytes), slow) == "");
}

RC_GTEST_PROP(Header, DamagedHeadersAreJudgedByProtobuf, ()) {
  const std::string text = any_header(3).SerializeAsString();
  Bytes bytes(text.begin(), text.end());
  const int mutations = *rc::gen::inRange(1, 5);
  for (int i = 0; i < mutations; ++i) mutate(bytes);
  SlowPath slow;
  RC_ASSERT(judge_header(bytes, slow) == "");
}

RC_GTEST_PROP(Header, ArbitraryBytesAreJudgedByProtobuf, ()) {
  SlowPath slow;
  RC_ASSERT(judge_header(*rc::gen::arbitrary<Bytes>(), slow) == "");
}

RC_GTEST_PROP(Header, ForwardedFramesAreWhatProtobufWouldSend, ()) {
  pkt::Header client = any_header(3);
  const ClientIdentity identity = kOracleIdentity;
  pkt::Header clean = client;
  clean.clear_meta();
  for (const pkt::Meta& meta : client.meta()) {
    if (!is_reserved_meta(meta.key())) *clean.add_meta() = meta;
  }
  const std::string header = clean.SerializeAsString();
  const Bytes suffix = suffix_of(identity);
  const Bytes tail = hex("00000001 61");
  Bytes frame(forward_bytes(as_bytes(header), suffix, tail));
  write_forward(frame.data(), as_bytes(header), suffix, tail);
  const FrameStep step = next_tcp_frame(frame, frame.size());
  RC_ASSERT(step.status == FrameStatus::kFrame);
  RC_ASSERT(step.consumed == frame.size());
  const Packet packet = parse_packet(step.frame.payload, frame.size());
  RC_ASSERT(packet.status == PacketStatus::kLogic);
  pkt::Header received;
  RC_ASSERT(received.ParseFromArray(packet.header.data(), static_cast<int>(packet.header.size())));
  RC_ASSERT(received.SerializeAsString() == expected_forward(client, identity).SerializeAsString());
}

RC_GTEST_PROP(Header, WrittenPacketsAreWhatProtobufReads, ()) {
  const pkt::Header wanted = any_header(0);
  const std::string app = *texts();
  const std::string channels = *texts();
  const OutgoingHeader header = {.command = wanted.command(),
                                 .channel_id = wanted.channelid(),
                                 .sequence = wanted.sequence(),
                                 .flag = static_cast<Flag>(wanted.flag()),
                                 .status = Status::kUnauthorized,
                                 .dest = wanted.dest(),
                                 .app = app,
                                 .dest_channels = channels};
  Bytes bytes(packet_bytes(header, 0));
  RC_ASSERT(write_packet(bytes.data(), header, {}) == bytes.data() + bytes.size());
  const Packet packet = parse_packet(bytes, bytes.size());
  RC_ASSERT(packet.status == PacketStatus::kLogic);
  pkt::Header expected = wanted;
  expected.set_status(pkt::Status::Unauthorized);
  for (const auto& [key, value] : {std::pair("app", app), std::pair("dest.channels", channels)}) {
    if (value.empty()) continue;
    pkt::Meta* meta = expected.add_meta();
    meta->set_key(key);
    meta->set_value(value);
    meta->set_type(pkt::MetaType::string);
  }
  RC_ASSERT(as_text(packet.header) == expected.SerializeAsString());
}

}  // namespace
}  // namespace ringgate
