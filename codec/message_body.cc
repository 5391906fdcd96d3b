#include "codec/message_body.h"

#include "codec/varint.h"
#include "codec/written.h"

namespace ringgate {
namespace {

constexpr std::uint8_t kTagType = 0x08;
constexpr std::uint8_t kTagBody = 0x12;
static_assert(kTextMessage < 0x80, "one byte as a varint");

}  // namespace

std::size_t text_message_bytes(std::size_t text_bytes) noexcept {
  return 3 + varint_bytes(text_bytes) + text_bytes;
}

std::uint8_t* write_text_message_head(std::uint8_t* to, std::size_t text_bytes) noexcept {
  const std::uint8_t* const begin = to;
  *to++ = kTagType;
  *to++ = kTextMessage;
  *to++ = kTagBody;
  to = write_varint(to, text_bytes);
  return written(begin, text_message_bytes(text_bytes) - text_bytes, to);
}

}  // namespace ringgate
