// What the kernel knows of the TCP connection of a client, asked through sock_diag(7): it takes no
// descriptor, so that no shard has to do anything for it. It may also know one that is closed and
// whose last bytes the peer has not taken yet.
//
// Any thread, but no shard's: it looks through all sockets of the machine.
#pragma once

#include <cstdint>
#include <string>

#include "control/base/error.h"
#include "dataplane/peer_address.h"

namespace ringgate {

class JsonWriter;

struct TcpInfo {
  std::string state;  // "established", ...
  std::uint32_t rtt_us = 0;
  std::uint32_t retransmits = 0;     // of all of its time
  std::uint32_t lost = 0;            // segments that are taken to be lost now
  std::uint32_t unacknowledged = 0;  // segments
  std::uint32_t not_sent_bytes = 0;  // in the kernel, behind those
  std::uint32_t window_bytes = 0;    // of the peer: what it would still take
  std::uint64_t acknowledged_bytes = 0;
  std::uint32_t since_sent_ms = 0;
  std::uint32_t since_received_ms = 0;
  std::uint32_t since_acknowledged_ms = 0;
};

// Of the connection from that address, with one of our ports. An error says why there is nothing.
[[nodiscard]] Result<TcpInfo> tcp_info_of(const PeerAddress& peer);

void write_tcp_info(JsonWriter& json, const TcpInfo& info);

}  // namespace ringgate
