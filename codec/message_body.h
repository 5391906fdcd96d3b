// The body of a talk, MessageReq{type, body}, without protobuf: a load generator writes one for
// each message.
//
// Pure functions over bytes, any thread; nothing allocates.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringgate {

// What a talk is: kTextMessage.
inline constexpr std::uint8_t kTextMessage = 1;

// An encoded MessageReq of the type kTextMessage, whose text has `text_bytes`, at least one: proto3
// leaves out an empty one.
[[nodiscard]] std::size_t text_message_bytes(std::size_t text_bytes) noexcept;

// All of it but the text, which comes last. Where the text begins: the caller writes it there.
[[nodiscard]] std::uint8_t* write_text_message_head(std::uint8_t* to,
                                                    std::size_t text_bytes) noexcept;

}  // namespace ringgate
