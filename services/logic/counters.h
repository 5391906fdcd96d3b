// What only a logic service counts, and why it closes links.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/names.h"
#include "services/process/packet_counters.h"

namespace ringgate {

enum class LogicCounter : std::uint8_t {
  kPacketsIn,
  kPacketsOut,
  kLinkFrameTooLong,  // bound: a frame on a link
  kLinkPacketMalformed,
  kChannelWaitingFull,       // bounds: requests that wait for one of their channel,
  kServiceRequestsFull,      // all requests under way,
  kServiceRequestBytesFull,  // and their bytes
  kNoGateway,
  kGatewayQueueFull,  // bound: bytes queued to a gateway
  kHandlerExceptions,
  kTextTooLong,  // bounds: a message's body and extra, a group's texts
  kContentsCut,  // bound: bytes of messages in an answer
  kReceiversNotLocated,
  kLoginsAfterStall,
  kEnd,
};
template <>
inline constexpr auto kNamesOf<LogicCounter> = std::to_array<CounterName>({
    kPacketsInName,
    kPacketsOutName,
    kLinkFrameTooLongName,
    kLinkPacketMalformedName,
    {"channel_waiting_full_total",
     "logic service: requests answered with 300 because too many of their channel waited"},
    {"service_requests_full_total",
     "logic service: requests answered with 300 because too many were under way"},
    {"service_request_bytes_full_total",
     "logic service: requests answered with 300 because those under way held too many bytes"},
    {"no_gateway_total",
     "logic service: answers and pushes dropped because their gateway is not connected"},
    {"gateway_queue_full_total",
     "logic service: answers and pushes dropped because the bytes queued to their gateway reached "
     "the bound"},
    {"handler_exceptions_total", "requests whose handler threw an exception"},
    {"texts_too_long_total",
     "chat: messages and groups answered with 300 because a text in them was longer than its "
     "bound"},
    {"contents_cut_total",
     "chat: answers to chat.offline.content that end before the last message that was asked for, "
     "because the bytes of messages in them reached the bound"},
    {"receivers_not_located_total",
     "chat: receivers who got no push because the session store could not say where they are; "
     "what was said is in the message store"},
    {"logins_after_stall_total",
     "login: logins answered with 300 because the process had stood still, so that their gateways "
     "may have given them up"},
});

enum class LogicClose : std::uint8_t {
  kHandshake,  // a link's first frame was not a handshake
  kReplaced,   // a newer link of the same gateway and lane took over
  kEnd,
};
template <>
inline constexpr auto kNamesOf<LogicClose> = std::to_array<CloseName>({
    {"handshake"},
    {"replaced"},
});

inline constexpr HandlerNames kLogicNames{names_of<LogicCounter>(), {}, names_of<LogicClose>(), {}};

}  // namespace ringgate
