#include "codec/packet.h"

#include <cstring>

namespace ringgate {
namespace {

constexpr std::size_t kMagicBytes = 4;
constexpr std::size_t kLengthBytes = 4;

Packet refuse(PacketStatus status) noexcept {
  Packet packet;
  packet.status = status;
  return packet;
}

Packet parse_logic(ByteView payload, std::size_t max_header_bytes) noexcept {
  if (payload.size() < kMagicBytes + kLengthBytes) return refuse(PacketStatus::kBadLength);
  const std::size_t header_bytes = load_be<std::uint32_t>(payload.data() + kMagicBytes);
  // Before the lengths are compared, so that the bound is what a peer above it is told about.
  if (header_bytes > max_header_bytes) return refuse(PacketStatus::kHeaderTooLong);
  if (payload.size() < kLogicOverheadBytes || header_bytes > payload.size() - kLogicOverheadBytes) {
    return refuse(PacketStatus::kBadLength);
  }
  Packet packet;
  packet.header = payload.subspan(kMagicBytes + kLengthBytes, header_bytes);
  packet.tail = payload.subspan(kMagicBytes + kLengthBytes + header_bytes);
  packet.body = packet.tail.subspan(kLengthBytes);
  if (load_be<std::uint32_t>(packet.tail.data()) != packet.body.size()) {
    return refuse(PacketStatus::kBadLength);
  }
  packet.status = PacketStatus::kLogic;
  return packet;
}

Packet parse_basic(ByteView payload) noexcept {
  if (payload.size() < kBasicHeadBytes) return refuse(PacketStatus::kBadLength);
  Packet packet;
  packet.code = load_be<std::uint16_t>(payload.data() + 4);
  packet.body = payload.subspan(kBasicHeadBytes);
  if (load_be<std::uint16_t>(payload.data() + 6) != packet.body.size()) {
    return refuse(PacketStatus::kBadLength);
  }
  packet.status = PacketStatus::kBasic;
  return packet;
}

}  // namespace

Packet parse_packet(ByteView payload, std::size_t max_header_bytes) noexcept {
  if (payload.size() < kMagicBytes) return refuse(PacketStatus::kBadMagic);
  switch (load_be<std::uint32_t>(payload.data())) {
    case kLogicMagic:
      return parse_logic(payload, max_header_bytes);
    case kBasicMagic:
      return parse_basic(payload);
    default:
      return refuse(PacketStatus::kBadMagic);
  }
}

std::uint8_t* write_basic_packet(std::uint8_t* to, std::uint16_t code, ByteView body) noexcept {
  store_be(to, kBasicMagic);
  store_be(to + kMagicBytes, code);
  store_be(to + kMagicBytes + sizeof code, static_cast<std::uint16_t>(body.size()));
  // An empty view may have no address, which memcpy must not be given.
  if (!body.empty()) std::memcpy(to + kBasicHeadBytes, body.data(), body.size());
  return to + kBasicHeadBytes + body.size();
}

}  // namespace ringgate
