// The start of the body of everything whose way to a receiver is timed (talks, pushes): when it was
// meant to be sent, and its number, so that the receiver can time it and see what is lost,
// duplicated or overtaken. Written as text, since bodies of talks are protobuf strings.
//
//   16 hex digits   CLOCK_MONOTONIC ns
//    8 hex digits   number
//    8 hex digits   of a talk: the receiver, by its place among the run's clients
//   then 'x' up to the wanted size
//
// Where it is: a talk carries it in MessageReq.body, and its delivery in MessagePush.body. A push
// of the scenario push is a packet (command as of talks, flag Push) whose raw body it is, without
// protobuf around it: its receivers find it at once, and its sender only patches bytes. The number
// counts the packets of the run from 0, over all receivers; a packet's sequence says for which
// group of the run's clients it is, each of so many as the fanout, by their places.
//
// Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "codec/bytes.h"

namespace ringgate::bench {

inline constexpr std::size_t kPushStampBytes = 24;
inline constexpr std::size_t kTalkStampBytes = 32;
inline constexpr std::uint32_t kFirstPushSequence = 1U << 28;
[[nodiscard]] constexpr std::uint32_t push_sequence(std::uint32_t group) noexcept {
  return kFirstPushSequence | group;
}

struct PushStamp {
  std::uint64_t sent_ns = 0;
  std::uint32_t number = 0;
};

// The low digits of a number, in hex, as many as there is room for.
void write_hex(MutableBytes to, std::uint64_t value) noexcept;

// Fills all of `to`, at least kPushStampBytes.
void write_push_body(MutableBytes to, const PushStamp& stamp) noexcept;
// Nothing when it does not begin with one.
[[nodiscard]] std::optional<PushStamp> read_push_stamp(ByteView body) noexcept;

// The same for a talk's text, at least kTalkStampBytes. A push of the scenario push has no single
// receiver that it could name: many get the same bytes.
void write_talk_text(MutableBytes to, const PushStamp& stamp, std::uint32_t receiver) noexcept;
// Nothing when it names none.
[[nodiscard]] std::optional<std::uint32_t> read_talk_receiver(ByteView text) noexcept;

}  // namespace ringgate::bench
