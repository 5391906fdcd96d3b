// One pass over an encoded protobuf Header that finds what a gateway needs, without building a
// message: the fast path of forwarding and of pushing. This code does not use protobuf.
//
// The scan is deliberately stupid. It accepts only headers that every parser reads the same way
// ("canonical"): minimal varints and tags, known fields with their wire types, each scalar at most
// once, each field of a Meta at most once, sequence within 32 bits, valid UTF-8. Whatever else may
// still be valid protobuf is kNotCanonical and belongs to the slow path (codec/header_slow.h),
// which asks protobuf itself: a scan that is cleverer than the receiver's parser is how identities
// get spoofed.
//
// Pure functions, any thread. Views are parts of the input.
#pragma once

#include <cstdint>
#include <string_view>

#include "codec/bytes.h"

namespace ringgate {

enum class Flag : std::uint8_t { kRequest = 0, kResponse = 1, kPush = 2 };

enum class Status : std::uint16_t {
  kSuccess = 0,
  kNoDestination = 100,
  kInvalidPacketBody = 101,
  kInvalidCommand = 103,
  kUnauthorized = 105,
  kSystemException = 300,
  kNotImplemented = 301,
  kSessionNotFound = 404,
};

enum class MetaType : std::uint8_t { kInt = 0, kString = 1, kFloat = 2 };

inline constexpr std::string_view kMetaApp = "app";
inline constexpr std::string_view kMetaAccount = "account";
inline constexpr std::string_view kMetaDestServer = "dest.server";
inline constexpr std::string_view kMetaDestChannels = "dest.channels";

// app, account, dest.server, dest.channels: what a client may not set.
[[nodiscard]] bool is_reserved_meta(std::string_view key) noexcept;

// Where one reserved meta stands: `begin` and `end` are offsets into the header and include the
// field's tag and length, so that [begin, end) can be left out. `count` > 1 means it stands more
// than once; begin, end, value and type then are those of the first.
struct MetaField {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::uint32_t count = 0;
  MetaType type = MetaType::kInt;
  std::string_view value;
};

struct HeaderScan {
  std::string_view command;
  std::string_view channel_id;
  std::string_view dest;
  std::uint32_t sequence = 0;
  std::uint32_t flag = 0;     // as on the wire: unknown values are possible
  std::uint32_t status = 0;   // as on the wire
  std::uint32_t metas = 0;    // all metas
  bool has_reserved = false;  // at least one meta with a reserved key
  MetaField app;
  MetaField account;
  MetaField dest_server;
  MetaField dest_channels;
};

enum class ScanStatus : std::uint8_t {
  kCanonical,     // `scan` is filled in
  kNotCanonical,  // ask the slow path; `scan` is unspecified
  kTooManyMetas,  // more than `max_metas`; `scan` is unspecified
};

[[nodiscard]] ScanStatus scan_header(ByteView header, std::uint32_t max_metas,
                                     HeaderScan& scan) noexcept;

}  // namespace ringgate
