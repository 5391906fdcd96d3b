// A channel as a shard tells operators of it: in mail a row is this, then its texts, then its
// events. Plain values, in the byte order of the machine.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/bytes.h"
#include "dataplane/close_reason.h"
#include "dataplane/connection.h"
#include "services/gateway/recorder/event.h"

namespace ringgate {

struct Channel;

struct ChannelRow {
  std::uint64_t key = 0;           // what it is sorted by, the greatest first
  std::uint32_t number = 0;        // among equals of its shard: see ListPlace
  std::uint64_t asked_us = 0;      // its login; CLOCK_MONOTONIC, as the others; 0: there was none
  std::uint64_t closed_us = 0;     // 0: it is there
  std::uint64_t pushed_bytes = 0;  // 0 as well where it has no record
  std::uint32_t login_took_us = 0;
  std::uint32_t shard = 0;
  std::uint32_t slot = 0;
  std::uint32_t login = 0;
  std::uint32_t queued_bytes = 0;  // of one that has ended: then
  std::uint32_t outstanding = 0;
  std::uint32_t pings = 0;
  std::uint32_t silent_ms = 0;    // since something came of it
  std::uint32_t events = 0;       // so far; behind the row are the last of them
  std::uint32_t events_gone = 0;  // of a trace: those before the first that it has
  PeerAddress peer;
  CloseReason reason;
  Transport transport = Transport::kTcp;
  bool logged_in = false;
  bool kicked_out = false;
  bool recorded = false;
  bool sealed = false;
  bool claimed = false;       // there was no channel: its id is the account that its token named
  bool unrecorded = false;    // there was no place for some of its events
  bool leaving = false;       // it has ended, and the shard has not given its socket back yet
  std::uint8_t listener = 0;  // that it came through
  std::uint8_t app_bytes = 0;
  std::uint8_t account_bytes = 0;
  std::uint8_t why_bytes = 0;
  std::uint16_t id_bytes = 0;
  std::uint16_t events_kept = 0;
};

// Times of a login in the eight bytes that a channel has for them: 203 days, and 16 s in steps of
// 16 µs.
[[nodiscard]] std::uint64_t pack_login(std::uint64_t asked_us, std::uint32_t took_us) noexcept;
struct LoginTimes {
  std::uint64_t asked_us = 0;
  std::uint32_t took_us = 0;  // 0: it is not answered
};
[[nodiscard]] LoginTimes unpack_login(std::uint64_t times, std::uint64_t now_us) noexcept;

// Without its events; of a connection whose channel it is.
[[nodiscard]] ChannelRow row_of(const Connection& connection, const Channel& channel,
                                std::uint32_t shard, std::uint32_t now_ms, std::uint64_t now_us,
                                std::string_view gateway_id);
// Its record's, or what is known without one.
[[nodiscard]] std::vector<Event> events_of(const Channel& channel, std::uint64_t now_us);

void append_row(std::vector<std::uint8_t>& to, ChannelRow row, std::string_view id,
                std::string_view app, std::string_view why, std::span<const Event> events);

// A row that was read from mail; owns what it is.
struct ReadRow {
  ChannelRow row;
  std::string id;
  std::string app;
  std::string why;
  std::vector<Event> events;

  [[nodiscard]] std::string_view account(std::string_view gateway_id) const {
    if (row.claimed) return id;
    return std::string_view(id).substr(std::min(id.size(), gateway_id.size() + 1),
                                       row.account_bytes);
  }
};
// The next of `from`, which it is taken from.
[[nodiscard]] ReadRow read_row(ByteView& from);

}  // namespace ringgate
