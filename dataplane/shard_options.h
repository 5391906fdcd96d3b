// The bounds and times of one shard.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/address_range.h"
#include "dataplane/clock.h"
#include "dataplane/listener.h"
#include "dataplane/ring.h"

namespace ringgate {

inline constexpr std::uint32_t kMostClientFrames = 60'000;

struct RoleLimits {
  std::size_t max_frame_bytes = 0;    // payload of a frame
  std::size_t max_queued_bytes = 0;   // waiting to be sent on one connection
  std::size_t first_piece_bytes = 0;  // of a send queue: small for clients, large for links
  std::uint32_t read_timeout_ms = 0;  // without a byte from the peer; 0: never

  bool operator==(const RoleLimits&) const = default;
};

// What may change while a shard runs: Shard::reconfigure takes all of it.
struct ShardLimits {
  std::size_t max_held_bytes = 64 * 1024;
  std::uint32_t write_timeout_ms = 10'000;
  std::uint32_t max_unsent_bytes = 128 * 1024;  // taken by a client's socket; 0: no bound
  // Queued for a client that asks for more than its line takes: reading from it pauses at
  // max_queued_bytes, and goes on when half of that is left. Less than that: it is closed then.
  std::size_t max_answer_bytes = 16 * 1024 * 1024;
  std::uint32_t ws_ping_after_ms = 0;  // to a WebSocket client silent for so long; 0: never
  // A client silent for so long is waited for by a poll instead of a receive; 0: never.
  std::uint32_t poll_after_ms = 0;
  std::size_t max_proxy_header_bytes = 16 * 1024;  // of version 2, with its TLVs
  // What a client may send in a second, and at once: beyond it reading from it pauses. Frames of
  // any kind, kMostClientFrames at most; and bytes. 0: no bound.
  std::uint32_t client_frames_per_s = 0;
  std::uint32_t client_bytes_per_s = 0;
  // Connections accepted in a second; the others wait in the backlog. 0: no bound.
  std::uint32_t accepts_per_s = 0;
  // How long a message may wait so that one is woken for several, see gathering.h; 0: not at all.
  std::uint32_t latency_budget_us = 0;
  // What may come in how often, these and the handler's, is counted, and held up or refused by none
  // of it. Bounds of memory are no part of that.
  bool limits_dry_run = false;
  // Not bound by what one address may have: max_clients_per_address, and what the handler bounds.
  AddressRanges exempt_addresses;
  // TLS handshakes under way. Beyond it connections are not accepted, and those that are wait.
  std::uint32_t max_handshakes = 1000;
  // Indexed by Role.
  std::array<RoleLimits, 2> limits = {
      RoleLimits{64 * 1024, 256 * 1024, 32, 120'000},
      RoleLimits{16 * 1024 * 1024, 16 * 1024 * 1024, 16 * 1024, 180'000},
  };

  [[nodiscard]] SendBounds send_bounds() const noexcept {
    return {write_timeout_ms, max_unsent_bytes};
  }
  [[nodiscard]] bool bounds_clients_as(const ShardLimits& other) const noexcept {
    return client_frames_per_s == other.client_frames_per_s &&
           client_bytes_per_s == other.client_bytes_per_s && limits_dry_run == other.limits_dry_run;
  }
  [[nodiscard]] bool limits_clients() const noexcept {
    return client_frames_per_s != 0 || client_bytes_per_s != 0;
  }
  bool operator==(const ShardLimits&) const = default;
};

struct ShardOptions : ShardLimits {
  std::uint32_t index = 0;   // this shard's endpoint
  std::uint32_t shards = 1;  // of its group
  std::uint32_t max_clients = 1000;
  std::uint32_t max_clients_per_address = 0;  // 0: no bound
  std::uint32_t max_links = 256;
  std::uint32_t linger_ms = 1'000;
  std::size_t shard_answer_bytes = 256 * 1024 * 1024;  // of all that are behind: max_answer_bytes
  std::uint32_t sweep_ms = 100;    // how often on_tick is called and a part of the table looked at
  std::uint32_t sweep_parts = 10;  // so each connection is looked at every sweep_ms * sweep_parts
  // Of those that are polled instead (poll_after_ms), so many change over in one sweep. Each takes
  // the kernel about 4 us to cancel, so that thousands that fall silent together would keep the
  // others waiting.
  std::uint32_t polls_per_sweep = 500;
  // Connections that fell silent and are looked at, in one sweep; the others in the next.
  std::uint32_t looks_per_sweep = 1000;
  // What of a turn one connection may have before the others have had theirs: frames, and packets
  // as eight each. A client's is what one receive holds of the smallest frames; a link carries the
  // packets of very many. After `long_turn` of them, about 200 us of pings, it is a sixteenth.
  std::uint32_t client_share = 256;
  std::uint32_t link_share = 8192;
  std::uint32_t long_turn = 1024;
  // A turn that takes longer is a stall (SIGSTOP, a suspended machine): it is no time for anybody,
  // and nobody is judged before what arrived has been read. 0: all time counts.
  std::uint32_t stall_ms = 1000;
  // Messages of any kind instead of packets: text is taken too, and no heartbeat is answered.
  bool plain_messages = false;
  AddressRanges trusted_proxies;  // believed about where clients come from
  bool proxy_protocol = false;    // what they connect begins with a PROXY header
  RingOptions ring;
  Clock::Source time_ms = &Clock::monotonic_ms;  // tests give their own
};

}  // namespace ringgate
