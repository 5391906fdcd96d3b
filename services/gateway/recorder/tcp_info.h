// What the kernel knows of the TCP connection of a client, asked through sock_diag(7): it takes no
// descriptor, so that no shard has to do anything for it. It may also know one that is closed and
// whose last bytes the peer has not taken yet.
//
// Any thread, but no shard's: it looks through all sockets of the machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/base/error.h"
#include "dataplane/listener.h"
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

// Where one of our listeners is.
struct LocalPlace {
  PeerAddress::Bytes address{};  // all zeros: any of the machine's
  std::uint16_t port = 0;        // 0: it is in the file system
};
[[nodiscard]] std::vector<LocalPlace> places_of(const std::vector<Listener>& listeners);

// A peer may have the same port in several connections: to other listeners, of other programs, too,
// and one after the other to ours.
struct WhichTcp {
  PeerAddress peer;
  LocalPlace ours;
  bool is_over = false;  // we have closed it: one that is established is another one
};
// An error says why nothing is known of it.
[[nodiscard]] Result<TcpInfo> tcp_info_of(const WhichTcp& which);

void write_tcp_info(JsonWriter& json, const TcpInfo& info);

}  // namespace ringgate
