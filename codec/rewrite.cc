#include "codec/rewrite.h"

#include <utility>

#include "codec/tcp_frame.h"
#include "codec/varint.h"
#include "codec/written.h"

namespace ringgate {
namespace {

constexpr std::uint8_t kTagCommand = 0x0a;
constexpr std::uint8_t kTagChannelId = 0x12;
constexpr std::uint8_t kTagSequence = 0x18;
constexpr std::uint8_t kTagFlag = 0x20;
constexpr std::uint8_t kTagStatus = 0x28;
constexpr std::uint8_t kTagDest = 0x32;
constexpr std::uint8_t kTagMeta = 0x3a;

constexpr std::uint8_t kTagMetaKey = 0x0a;
constexpr std::uint8_t kTagMetaValue = 0x12;
constexpr std::uint8_t kTagMetaType = 0x18;

constexpr std::size_t kMagicAndLengthBytes = 8;

std::size_t text_field_bytes(std::string_view text) noexcept {
  return 1 + varint_bytes(text.size()) + text.size();
}

// Writes forward; the caller made sure that there is room.
class Writer {
 public:
  explicit Writer(std::uint8_t* to) noexcept : to_(to) {}

  [[nodiscard]] std::uint8_t* end() const noexcept { return to_; }

  void byte(std::uint8_t value) noexcept { *to_++ = value; }

  void length(std::size_t value) noexcept {
    store_be(to_, static_cast<std::uint32_t>(value));
    to_ += sizeof(std::uint32_t);
  }

  void varint(std::size_t value) noexcept { to_ = write_varint(to_, value); }

  // An empty view may have no address, which memcpy must not be given.
  void bytes(ByteView from) noexcept {
    if (from.empty()) return;
    std::memcpy(to_, from.data(), from.size());
    to_ += from.size();
  }

  void text_field(std::uint8_t tag, std::string_view text) noexcept {
    byte(tag);
    varint(text.size());
    bytes(as_bytes(text));
  }

  void number_field(std::uint8_t tag, std::uint32_t value) noexcept {
    byte(tag);
    varint(value);
  }

  void frame_head(std::size_t payload_bytes) noexcept {
    write_tcp_frame_head(to_, Opcode::kBinary, static_cast<std::uint32_t>(payload_bytes));
    to_ += kTcpFrameHeadBytes;
  }

  void logic_head(std::size_t header_bytes) noexcept {
    length(kLogicMagic);
    length(header_bytes);
  }

 private:
  std::uint8_t* to_;
};

// A meta of type string, without its own tag and length.
std::size_t meta_content_bytes(std::string_view key, std::string_view value) noexcept {
  return text_field_bytes(key) + text_field_bytes(value) + 2;
}

std::size_t meta_bytes(std::string_view key, std::string_view value) noexcept {
  const std::size_t content = meta_content_bytes(key, value);
  return 1 + varint_bytes(content) + content;
}

void write_meta(Writer& out, std::string_view key, std::string_view value) noexcept {
  out.byte(kTagMeta);
  out.varint(meta_content_bytes(key, value));
  out.text_field(kTagMetaKey, key);
  out.text_field(kTagMetaValue, value);
  out.number_field(kTagMetaType, static_cast<std::uint32_t>(MetaType::kString));
}

// Proto3 leaves defaults out.
std::size_t present_text_bytes(std::string_view text) noexcept {
  return text.empty() ? 0 : text_field_bytes(text);
}

std::size_t present_number_bytes(std::uint32_t value) noexcept {
  return value == 0 ? 0 : 1 + varint_bytes(value);
}

std::size_t present_meta_bytes(std::string_view key, std::string_view value) noexcept {
  return value.empty() ? 0 : meta_bytes(key, value);
}

void write_present_text(Writer& out, std::uint8_t tag, std::string_view text) noexcept {
  if (!text.empty()) out.text_field(tag, text);
}

void write_present_number(Writer& out, std::uint8_t tag, std::uint32_t value) noexcept {
  if (value != 0) out.number_field(tag, value);
}

void write_present_meta(Writer& out, std::string_view key, std::string_view value) noexcept {
  if (!value.empty()) write_meta(out, key, value);
}

std::size_t outgoing_header_bytes(const OutgoingHeader& header) noexcept {
  return present_text_bytes(header.command) + present_text_bytes(header.channel_id) +
         present_number_bytes(header.sequence) +
         present_number_bytes(static_cast<std::uint32_t>(header.flag)) +
         present_number_bytes(static_cast<std::uint32_t>(header.status)) +
         present_text_bytes(header.dest) + present_meta_bytes(kMetaApp, header.app) +
         present_meta_bytes(kMetaAccount, header.account) +
         present_meta_bytes(kMetaDestServer, header.dest_server) +
         present_meta_bytes(kMetaDestChannels, header.dest_channels);
}

void write_outgoing_packet(Writer& out, const OutgoingHeader& header, std::size_t header_bytes,
                           ByteView body) noexcept {
  out.logic_head(header_bytes);
  write_present_text(out, kTagCommand, header.command);
  write_present_text(out, kTagChannelId, header.channel_id);
  write_present_number(out, kTagSequence, header.sequence);
  write_present_number(out, kTagFlag, static_cast<std::uint32_t>(header.flag));
  write_present_number(out, kTagStatus, static_cast<std::uint32_t>(header.status));
  write_present_text(out, kTagDest, header.dest);
  write_present_meta(out, kMetaApp, header.app);
  write_present_meta(out, kMetaAccount, header.account);
  write_present_meta(out, kMetaDestServer, header.dest_server);
  write_present_meta(out, kMetaDestChannels, header.dest_channels);
  out.length(body.size());
  out.bytes(body);
}

// Of a client's suffix: both are small.
constexpr std::size_t kFlagAndStatusBytes = 4;

}  // namespace

std::size_t client_suffix_bytes(const ClientIdentity& identity) noexcept {
  return text_field_bytes(identity.channel_id) + kFlagAndStatusBytes +
         meta_bytes(kMetaApp, identity.app) + meta_bytes(kMetaAccount, identity.account) +
         meta_bytes(kMetaDestServer, identity.gateway_id);
}

std::uint8_t* write_client_suffix(std::uint8_t* to, const ClientIdentity& identity) noexcept {
  Writer out(to);
  out.text_field(kTagChannelId, identity.channel_id);
  out.number_field(kTagFlag, static_cast<std::uint32_t>(Flag::kRequest));
  out.number_field(kTagStatus, static_cast<std::uint32_t>(Status::kSuccess));
  write_meta(out, kMetaApp, identity.app);
  write_meta(out, kMetaAccount, identity.account);
  write_meta(out, kMetaDestServer, identity.gateway_id);
  return written(to, client_suffix_bytes(identity), out.end());
}

ClientSuffixTexts client_suffix_texts(const ClientIdentity& identity) noexcept {
  const auto before_text = [](std::string_view text) { return 1 + varint_bytes(text.size()); };
  const std::size_t before_app = 1 + varint_bytes(meta_content_bytes(kMetaApp, identity.app)) +
                                 text_field_bytes(kMetaApp) + before_text(identity.app);
  return {before_text(identity.channel_id),
          text_field_bytes(identity.channel_id) + kFlagAndStatusBytes + before_app};
}

std::size_t forward_bytes(ByteView header, ByteView suffix, ByteView tail) noexcept {
  return kTcpFrameHeadBytes + kMagicAndLengthBytes + header.size() + suffix.size() + tail.size();
}

std::uint8_t* write_forward(std::uint8_t* to, ByteView header, ByteView suffix,
                            ByteView tail) noexcept {
  Writer out(to);
  out.frame_head(forward_bytes(header, suffix, tail) - kTcpFrameHeadBytes);
  out.logic_head(header.size() + suffix.size());
  out.bytes(header);
  out.bytes(suffix);
  out.bytes(tail);
  return written(to, forward_bytes(header, suffix, tail), out.end());
}

PushHeader strip_dest_metas(ByteView header, const HeaderScan& scan) noexcept {
  const MetaField* first = &scan.dest_server;
  const MetaField* second = &scan.dest_channels;
  if (second->begin < first->begin) std::swap(first, second);
  PushHeader stripped;
  stripped.pieces = {header.first(first->begin),
                     header.subspan(first->end, second->begin - first->end),
                     header.subspan(second->end)};
  for (const ByteView piece : stripped.pieces) stripped.bytes += piece.size();
  return stripped;
}

std::size_t push_packet_bytes(const PushHeader& header, ByteView tail) noexcept {
  return kMagicAndLengthBytes + header.bytes + tail.size();
}

std::uint8_t* write_push_packet(std::uint8_t* to, const PushHeader& header,
                                ByteView tail) noexcept {
  Writer out(to);
  out.logic_head(header.bytes);
  for (const ByteView piece : header.pieces) out.bytes(piece);
  out.bytes(tail);
  return written(to, push_packet_bytes(header, tail), out.end());
}

std::size_t packet_bytes(const OutgoingHeader& header, std::size_t body_bytes) noexcept {
  return kLogicOverheadBytes + outgoing_header_bytes(header) + body_bytes;
}

std::uint8_t* write_packet(std::uint8_t* to, const OutgoingHeader& header, ByteView body) noexcept {
  Writer out(to);
  const std::size_t header_bytes = outgoing_header_bytes(header);
  write_outgoing_packet(out, header, header_bytes, body);
  return written(to, kLogicOverheadBytes + header_bytes + body.size(), out.end());
}

std::size_t framed_packet_bytes(const OutgoingHeader& header, std::size_t body_bytes) noexcept {
  return kTcpFrameHeadBytes + packet_bytes(header, body_bytes);
}

std::uint8_t* write_framed_packet(std::uint8_t* to, const OutgoingHeader& header,
                                  ByteView body) noexcept {
  Writer out(to);
  const std::size_t header_bytes = outgoing_header_bytes(header);
  const std::size_t payload_bytes = kLogicOverheadBytes + header_bytes + body.size();
  out.frame_head(payload_bytes);
  write_outgoing_packet(out, header, header_bytes, body);
  return written(to, kTcpFrameHeadBytes + payload_bytes, out.end());
}

}  // namespace ringgate
