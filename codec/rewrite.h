// Rewriting packets without parsing or serializing protobuf.
//
// Forwarding appends: protobuf merges, so fields appended to an encoded Header set its scalars (the
// last one wins) and add metas. Pushing leaves out: a header without its two dest metas is a gather
// of byte ranges. Answers are small and written directly. This code does not use protobuf.
//
// Pure functions, any thread; the caller provides the memory and no function allocates. Each
// write_* writes exactly what its *_bytes said and returns the end of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "codec/bytes.h"
#include "codec/header_scan.h"
#include "codec/packet.h"

namespace ringgate {

// --- Client to service ---------------------------------------------------------------------

// What a gateway adds to every header of one connection.
struct ClientIdentity {
  std::string_view channel_id = {};
  std::string_view app = {};
  std::string_view account = {};
  std::string_view gateway_id = {};
};

// The encoded fields `channelId`, `flag = 0`, `status = 0` (both explicit: they must overwrite) and
// the metas app, account, dest.server (type string). Encoded once, at login.
[[nodiscard]] std::size_t client_suffix_bytes(const ClientIdentity& identity) noexcept;
std::uint8_t* write_client_suffix(std::uint8_t* to, const ClientIdentity& identity) noexcept;

// Where in that suffix the texts stand that whoever keeps it reads again.
struct ClientSuffixTexts {
  std::size_t channel_id_at = 0;
  std::size_t app_at = 0;
};
[[nodiscard]] ClientSuffixTexts client_suffix_texts(const ClientIdentity& identity) noexcept;

// The logic packet in a TCP frame: [frame head][magic][length][header][suffix][tail].
// `header` must be canonical and free of reserved metas (or come from the slow path, with an empty
// suffix); `tail` is body_length and body as Packet::tail has them.
[[nodiscard]] std::size_t forward_bytes(ByteView header, ByteView suffix, ByteView tail) noexcept;
std::uint8_t* write_forward(std::uint8_t* to, ByteView header, ByteView suffix,
                            ByteView tail) noexcept;

// --- Service to clients --------------------------------------------------------------------

// A header without its dest.server and dest.channels metas: up to three ranges of it.
struct PushHeader {
  std::array<ByteView, 3> pieces = {};
  std::size_t bytes = 0;
};

// `scan` must be canonical, with exactly one of each dest meta.
[[nodiscard]] PushHeader strip_dest_metas(ByteView header, const HeaderScan& scan) noexcept;

// The logic packet without a frame around it (a transport adds its own head).
[[nodiscard]] std::size_t push_packet_bytes(const PushHeader& header, ByteView tail) noexcept;
std::uint8_t* write_push_packet(std::uint8_t* to, const PushHeader& header, ByteView tail) noexcept;

// --- Packets of our own --------------------------------------------------------------------

// Fields of a header that we write ourselves: answers of the gateway, and everything that a logic
// service sends. Empty strings and zeros are left out, as proto3 does. All metas have type string.
struct OutgoingHeader {
  std::string_view command = {};
  std::string_view channel_id = {};
  std::uint32_t sequence = 0;
  Flag flag = Flag::kRequest;
  Status status = Status::kSuccess;
  std::string_view dest = {};
  std::string_view app = {};  // metas, left out when empty
  std::string_view account = {};
  std::string_view dest_server = {};
  std::string_view dest_channels = {};  // comma-joined
};

[[nodiscard]] std::size_t packet_bytes(const OutgoingHeader& header,
                                       std::size_t body_bytes) noexcept;
std::uint8_t* write_packet(std::uint8_t* to, const OutgoingHeader& header, ByteView body) noexcept;

// The same in a TCP frame.
[[nodiscard]] std::size_t framed_packet_bytes(const OutgoingHeader& header,
                                              std::size_t body_bytes) noexcept;
std::uint8_t* write_framed_packet(std::uint8_t* to, const OutgoingHeader& header,
                                  ByteView body) noexcept;

}  // namespace ringgate
