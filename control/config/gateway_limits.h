// The bounds and times that a gateway's handlers keep to: what GatewayOptions
// (services/gateway/options.h) has of a configuration as it stands there. It is here because Config
// holds it. Plain values.
#pragma once

#include <cstddef>
#include <cstdint>

#include "control/config/slow_consumer.h"
#include "dataplane/address_range.h"

namespace ringgate {

struct GatewayLimits {
  std::size_t max_header_bytes = 4 * 1024;
  std::size_t max_link_header_bytes = 1024 * 1024;
  std::uint32_t max_metas = 64;  // in a header of a client
  std::size_t max_login_body_bytes = 8 * 1024;
  std::uint32_t max_login_tags = 32;
  std::uint32_t max_outstanding = 65'536;  // per upstream and shard
  std::uint32_t max_client_outstanding = 8'192;
  std::uint32_t max_signouts = 65'536;      // waiting for a login service, per shard
  std::size_t max_memory_bytes = 0;         // taken by clients, of all shards; 0: no bound
  std::uint32_t login_reserve_percent = 5;  // of places: then who has not logged in makes room
  std::uint32_t logins_per_account = 0;     // in ten seconds, per shard; 0: no bound
  std::uint32_t logins_per_address = 0;     // the same, of one address (an IPv6 /64 is one)
  std::uint32_t logins_per_s = 0;           // of all accounts, per shard; 0: no bound
  AddressRanges refused_addresses;          // nobody from there comes in
  std::uint32_t login_wait_ms = 10'000;
  std::uint32_t login_answer_timeout_ms = 5'000;
  std::uint32_t answer_timeout_ms = 30'000;
  std::uint32_t heartbeat_ms = 55'000;
  std::uint32_t eject_after_ms = 2'000;  // asked and silent: others are asked; 0: never
  std::uint32_t signout_keep_ms = 60'000;
  std::uint32_t roll_call_beat_ms = 3'000;  // how often services are told that we live; 0: never
  std::uint32_t roll_call_every_ms = 3'600'000;  // each channel is told again in that time
  std::uint32_t kickout_linger_ms = 0;
  SlowConsumers slow_consumers;             // what becomes of pushes to them
  std::uint32_t max_instance_series = 100;  // of metrics: those beyond are "other"
  std::uint32_t max_command_series = 50;
  std::uint32_t log_events_per_second = 10;    // of each event that clients cause
  std::uint32_t log_debug_per_second = 1'000;  // told by a shard
  bool flight_recorder = true;                 // whether events of channels are kept
  std::uint32_t recorded_channels = 65'536;    // of so many at once, per shard
  std::uint32_t recorded_closes = 10'000;      // of a gateway

  bool operator==(const GatewayLimits&) const = default;
};

}  // namespace ringgate
