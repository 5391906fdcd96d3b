// The codec judged by protobuf: for any bytes, what may be said about them as a header.
#pragma once

#include <cstdint>
#include <string>

#include "codec/header_slow.h"
#include "codec/pkt.pb.h"
#include "codec/rewrite.h"
#include "tests/codec/hex.h"

namespace ringgate {

inline constexpr std::uint32_t kOracleMaxMetas = 64;

inline constexpr ClientIdentity kOracleIdentity = {
    .channel_id = "g1_alice_7f", .app = "kim", .account = "alice", .gateway_id = "g1"};

// Empty when the codec keeps its promises about `header`, else which one it broke:
// - canonical: protobuf parses it and sees the same fields, nothing unknown; the ranges of reserved
//   metas are those metas;
// - canonical without reserved metas: with the suffix behind it, it is what parsing, setting and
//   adding makes of it, and the first meta of each reserved key is the identity's;
// - canonical with one of each dest meta: leaving them out is deleting them;
// - what protobuf itself writes is canonical;
// - the slow path takes exactly what protobuf parses and has the identity win.
[[nodiscard]] std::string judge_header(ByteView header, SlowPath& slow);

[[nodiscard]] Bytes suffix_of(const ClientIdentity& identity);

// What forwarding has to make of a message, by protobuf alone.
[[nodiscard]] pkt::Header expected_forward(pkt::Header header, const ClientIdentity& identity);
// What pushing has to make of it.
[[nodiscard]] pkt::Header expected_push(pkt::Header header);

}  // namespace ringgate
