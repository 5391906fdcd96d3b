// The names of what the gateway and logic services both count: packets, and what is wrong with
// those on links.
#pragma once

#include "dataplane/names.h"

namespace ringgate {

inline constexpr CounterName kPacketsInName{"packets_in_total",
                                            "logic packets received from clients"};
inline constexpr CounterName kPacketsOutName{"packets_out_total", "packets written to clients"};
inline constexpr CounterName kLinkFrameTooLongName{
    "link_frame_too_long_total",
    "packets that were not put on a link because its other side does not take such long ones"};
inline constexpr CounterName kLinkPacketMalformedName{
    "link_packet_malformed_total", "packets from services dropped because they make no sense"};

}  // namespace ringgate
