// Payloads of binary frames: what is taken is exactly the sum of its parts, and bounds only refuse.
#include "codec/packet.h"
#include "codec/rewrite.h"
#include "tests/codec/header_oracle.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace ringgate;

constexpr std::size_t kMaxHeaderBytes = 4096;
constexpr std::size_t kSmallHeaderBytes = 20;

bool same(ByteView a, ByteView b) {
  return a.data() == b.data() && a.size() == b.size();
}

void check_logic(const Bytes& payload, const Packet& packet) {
  fuzz_check(packet.header.size() <= kMaxHeaderBytes, "a header above the bound");
  fuzz_check(same(packet.body, packet.tail.subspan(4)), "body and tail disagree");
  const PushHeader pieces = {.pieces = {packet.header}, .bytes = packet.header.size()};
  Bytes again(push_packet_bytes(pieces, packet.tail));
  fuzz_check(write_push_packet(again.data(), pieces, packet.tail) == again.data() + again.size(),
             "writes more or less than it said");
  fuzz_check(again == payload, "header and tail are not the payload");
  const PacketStatus bounded = parse_packet(payload, kSmallHeaderBytes).status;
  fuzz_check(bounded == (packet.header.size() > kSmallHeaderBytes ? PacketStatus::kHeaderTooLong
                                                                  : PacketStatus::kLogic),
             "the bound of the header is not kept");
  static SlowPath slow;
  const std::string wrong = judge_header(packet.header, slow);
  fuzz_check(wrong.empty(), wrong);
}

void check_basic(const Bytes& payload, const Packet& packet) {
  Bytes again(kBasicHeadBytes);
  store_be(again.data(), kBasicMagic);
  store_be(again.data() + 4, packet.code);
  store_be(again.data() + 6, static_cast<std::uint16_t>(packet.body.size()));
  again.insert(again.end(), packet.body.begin(), packet.body.end());
  fuzz_check(again == payload, "code and body are not the payload");
  fuzz_check(packet.header.empty() && packet.tail.empty(), "a basic packet with a header");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes payload(data, data + size);
  const Packet packet = parse_packet(payload, kMaxHeaderBytes);
  if (packet.status == PacketStatus::kLogic) check_logic(payload, packet);
  if (packet.status == PacketStatus::kBasic) check_basic(payload, packet);
  return 0;
}
