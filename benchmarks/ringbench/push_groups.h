// Packets to push, prepared: who gets each of them, and its bytes but for the stamp. A push then
// costs a copy: the generator shares its machine with the gateway that it measures.
//
// A group is so many clients, consecutive by their numbers among the run's, whose channels get the
// same packet; those that are not there are left out. Whose account is none of the run's is
// numbered in the order of the logins. A channel is pushed to over its own link, so that a group
// with channels on several links is one packet for each of them; and one packet names no more
// channels than a gateway's bound on headers allows.
//
// Owned by the thread of the played service and used by no other. Groups and packets are valid
// until the next build().
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/ringbench/push_body.h"
#include "benchmarks/ringbench/service_channels.h"

namespace ringgate::bench {

struct PushPacket {
  LinkId link;
  std::uint32_t bytes = 0;  // in a frame, body included
  std::uint32_t head_bytes = 0;
  std::size_t head_begin = 0;  // in the arena
};

struct PushGroup {
  std::uint32_t first_packet = 0;
  std::uint32_t packets = 0;
  std::uint32_t receivers = 0;
};

class PushGroups {
 public:
  static constexpr std::size_t kMaxDestChannelsBytes = 256 * 1024;

  // Bodies are at least a stamp. Accounts of the run's clients are the prefix and a number.
  PushGroups(std::string_view command, std::string_view account_prefix, unsigned fanout,
             std::size_t body_bytes);

  // Of the channels that can be reached. There may be none.
  void build(const ServiceChannels& channels);

  [[nodiscard]] std::size_t size() const noexcept { return groups_.size(); }
  [[nodiscard]] const PushGroup& group(std::size_t index) const noexcept { return groups_[index]; }
  [[nodiscard]] std::span<const PushPacket> packets(const PushGroup& group) const noexcept {
    return std::span(packets_).subspan(group.first_packet, group.packets);
  }

  // For the packets that are written from now on.
  void stamp(const PushStamp& stamp) noexcept;
  // Exactly packet.bytes.
  void write(const PushPacket& packet, std::uint8_t* to) const noexcept;

 private:
  // What a group's packet over one link is made from.
  struct Receivers {
    LinkId link;
    std::string_view gateway_id;  // of a channel that is there as long as build() takes
    std::string channels;         // comma-joined
  };

  [[nodiscard]] std::optional<std::uint32_t> client_of(std::string_view account) const;
  void add_receiver(const PlayedChannel& channel, LinkId link);
  void end_group();
  void add_packet(const Receivers& receivers);

  const std::string command_;
  const std::string account_prefix_;
  const unsigned fanout_;
  std::vector<std::uint8_t> body_;
  std::vector<PushGroup> groups_;
  std::vector<PushPacket> packets_;
  std::vector<std::uint8_t> heads_;    // the arena: each packet up to its body
  PushGroup next_;                     // the one that is being built
  std::uint32_t next_number_ = 0;      // its
  std::vector<Receivers> by_link_;     // its packets that are not complete
  std::vector<std::uint8_t> scratch_;  // one packet
};

}  // namespace ringgate::bench
