#include "codec/header_scan.h"

#include <cstddef>
#include <limits>

#include "codec/utf8.h"

namespace ringgate {
namespace {

// Tags: field number << 3 | wire type (0 varint, 2 length-delimited). All fit one byte, so that a
// tag in any other spelling matches none of these.
constexpr std::uint8_t kTagCommand = 1U << 3U | 2U;
constexpr std::uint8_t kTagChannelId = 2U << 3U | 2U;
constexpr std::uint8_t kTagSequence = 3U << 3U;
constexpr std::uint8_t kTagFlag = 4U << 3U;
constexpr std::uint8_t kTagStatus = 5U << 3U;
constexpr std::uint8_t kTagDest = 6U << 3U | 2U;
constexpr std::uint8_t kTagMeta = 7U << 3U | 2U;

constexpr std::uint8_t kTagMetaKey = 1U << 3U | 2U;
constexpr std::uint8_t kTagMetaValue = 2U << 3U | 2U;
constexpr std::uint8_t kTagMetaType = 3U << 3U;

// What is left to read. Every read_* leaves the cursor undefined when it fails.
struct Cursor {
  const std::uint8_t* at;
  const std::uint8_t* end;

  [[nodiscard]] bool at_end() const noexcept { return at == end; }
};

struct Varint {
  const std::uint8_t* next;  // null: not a minimal varint of 32 bits
  std::uint32_t value;
};

// The rest of a varint whose first byte says that it goes on. By value, so that cursors can stay in
// registers.
Varint read_long_varint(const std::uint8_t* at, const std::uint8_t* end,
                        std::uint32_t first) noexcept {
  constexpr Varint kRefused{nullptr, 0};
  std::uint32_t value = first & 0x7fU;
  for (unsigned shift = 7; shift <= 28; shift += 7) {
    if (at == end) return kRefused;
    const std::uint32_t byte = *at++;
    if (shift == 28 && byte > 0x0f) return kRefused;  // above 32 bits, or a sixth byte
    value |= (byte & 0x7fU) << shift;
    if (byte == 0) return kRefused;  // a last group of zeros is not minimal
    if (byte < 0x80) return {at, value};
  }
  return kRefused;
}

inline bool read_varint(Cursor& cursor, std::uint32_t& value) noexcept {
  if (cursor.at_end()) return false;
  const std::uint32_t first = *cursor.at++;
  if (first < 0x80) {
    value = first;
    return true;
  }
  const Varint rest = read_long_varint(cursor.at, cursor.end, first);
  if (rest.next == nullptr) return false;
  cursor.at = rest.next;
  value = rest.value;
  return true;
}

inline bool read_bytes(Cursor& cursor, Cursor& bytes) noexcept {
  std::uint32_t size = 0;
  if (!read_varint(cursor, size)) return false;
  if (size > static_cast<std::size_t>(cursor.end - cursor.at)) return false;
  bytes = {cursor.at, cursor.at + size};
  cursor.at += size;
  return true;
}

inline bool read_text(Cursor& cursor, std::string_view& text) noexcept {
  Cursor bytes{};
  if (!read_bytes(cursor, bytes)) return false;
  text = as_text({bytes.at, bytes.end});
  return is_utf8(text);
}

// True the first time a field comes. `tag` is one of ours, so its number is below 8.
inline bool first_time(std::uint32_t& seen, std::uint8_t tag) noexcept {
  const std::uint32_t bit = 1U << (tag >> 3U);
  const bool first = (seen & bit) == 0;
  seen |= bit;
  return first;
}

struct Meta {
  std::string_view key;
  std::string_view value;
  std::uint32_t type = 0;
};

inline bool read_meta(Cursor cursor, Meta& meta) noexcept {
  std::uint32_t seen = 0;
  while (!cursor.at_end()) {
    const std::uint8_t tag = *cursor.at++;
    bool good = false;
    switch (tag) {
      case kTagMetaKey:
        good = read_text(cursor, meta.key);
        break;
      case kTagMetaValue:
        good = read_text(cursor, meta.value);
        break;
      case kTagMetaType:
        good = read_varint(cursor, meta.type) &&
               meta.type <= static_cast<std::uint32_t>(MetaType::kFloat);
        break;
      default:
        break;
    }
    if (!good || !first_time(seen, tag)) return false;
  }
  return true;
}

// Piece by piece: for all 200 bytes at once GCC takes a `rep stos`, which costs more than a scan.
inline void forget(HeaderScan& scan) noexcept {
  scan.command = {};
  scan.channel_id = {};
  scan.dest = {};
  scan.sequence = 0;
  scan.flag = 0;
  scan.status = 0;
  scan.metas = 0;
  scan.has_reserved = false;
  for (MetaField* field : {&scan.app, &scan.account, &scan.dest_server, &scan.dest_channels}) {
    *field = MetaField{};
  }
}

// Where a reserved meta is noted, or null for any other key.
inline MetaField* reserved_field(HeaderScan& scan, std::string_view key) noexcept {
  switch (key.size()) {
    case kMetaApp.size():
      return key == kMetaApp ? &scan.app : nullptr;
    case kMetaAccount.size():
      return key == kMetaAccount ? &scan.account : nullptr;
    case kMetaDestServer.size():
      return key == kMetaDestServer ? &scan.dest_server : nullptr;
    case kMetaDestChannels.size():
      return key == kMetaDestChannels ? &scan.dest_channels : nullptr;
    default:
      return nullptr;
  }
}

inline void note_meta(HeaderScan& scan, const Meta& meta, std::size_t begin,
                      std::size_t end) noexcept {
  MetaField* field = reserved_field(scan, meta.key);
  if (field == nullptr) return;
  scan.has_reserved = true;
  if (field->count++ != 0) return;
  field->begin = static_cast<std::uint32_t>(begin);
  field->end = static_cast<std::uint32_t>(end);
  field->type = static_cast<MetaType>(meta.type);
  field->value = meta.value;
}

// Any field but a meta.
inline bool read_scalar(Cursor& cursor, std::uint8_t tag, HeaderScan& scan) noexcept {
  switch (tag) {
    case kTagCommand:
      return read_text(cursor, scan.command);
    case kTagChannelId:
      return read_text(cursor, scan.channel_id);
    case kTagSequence:
      return read_varint(cursor, scan.sequence);
    case kTagFlag:
      return read_varint(cursor, scan.flag);
    case kTagStatus:
      return read_varint(cursor, scan.status);
    case kTagDest:
      return read_text(cursor, scan.dest);
    default:
      return false;
  }
}

}  // namespace

bool is_reserved_meta(std::string_view key) noexcept {
  return key == kMetaApp || key == kMetaAccount || key == kMetaDestServer ||
         key == kMetaDestChannels;
}

ScanStatus scan_header(ByteView header, std::uint32_t max_metas, HeaderScan& scan) noexcept {
  // Protobuf refuses what is longer, and offsets are kept in 32 bits.
  if (header.size() > std::numeric_limits<std::int32_t>::max()) return ScanStatus::kNotCanonical;
  forget(scan);
  const std::uint8_t* const start = header.data();
  Cursor cursor{start, start + header.size()};
  std::uint32_t seen = 0;
  while (!cursor.at_end()) {
    const std::uint8_t* const field = cursor.at;
    const std::uint8_t tag = *cursor.at++;
    if (tag != kTagMeta) {
      if (!read_scalar(cursor, tag, scan) || !first_time(seen, tag)) {
        return ScanStatus::kNotCanonical;
      }
      continue;
    }
    if (scan.metas == max_metas) return ScanStatus::kTooManyMetas;
    ++scan.metas;
    Cursor bytes{};
    Meta meta;
    if (!read_bytes(cursor, bytes) || !read_meta(bytes, meta)) return ScanStatus::kNotCanonical;
    note_meta(scan, meta, static_cast<std::size_t>(field - start),
              static_cast<std::size_t>(cursor.at - start));
  }
  return ScanStatus::kCanonical;
}

}  // namespace ringgate
