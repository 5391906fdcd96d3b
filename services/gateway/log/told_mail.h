// What a shard tells of its clients for the log, and how it travels: to control, which writes it.
// It may be lost in a flood; what was left out is counted.
#pragma once

#include <cstdint>
#include <string_view>

#include "control/observe/log_event.h"
#include "dataplane/close_reason.h"
#include "dataplane/peer_address.h"
#include "dataplane/transport.h"

namespace ringgate {

// The texts follow, in the order of their lengths: account, app, command, why.
struct ToldHead {
  std::uint32_t left_out;  // of the same event, before this
  std::uint32_t slot;      // with `generation` and the shard that it comes from: which connection
  std::uint32_t generation;
  std::uint32_t bytes;  // of the packet, or of what is still to be sent
  std::uint32_t took_us;
  std::uint32_t upstream;  // 0: none
  std::uint16_t command_bytes;
  std::uint16_t why_bytes;
  LogEvent event;
  CloseReason reason;
  Transport transport;
  std::uint8_t account_bytes;
  std::uint8_t app_bytes;
  std::uint8_t good;   // it succeeded
  std::uint8_t empty;  // nothing is told but what was left out
  PeerAddress peer;
};

// What one has to say of a connection, for Teller. Views are valid for the call.
struct Told {
  LogEvent event = LogEvent::kMessage;
  std::string_view account{};
  std::string_view app{};
  std::string_view command{};
  std::string_view why{};
  CloseReason reason{};
  std::uint32_t bytes = 0;
  std::uint32_t took_us = 0;
  std::uint32_t upstream = 0;
  bool good = true;
};

}  // namespace ringgate
