// A channel: a logged-in (or just logging in) client of one shard, and its id.
//
//   <gateway id>_<account>_<nonce:10><shard:2><slot:4><login:9>     (digits of base 32)
//
// The nonce is new at every start and the login number at every login, so ids are never reused. The
// shard and the slot make finding a channel arithmetic instead of a hash map; whether it is still
// that channel is decided by comparing the whole id.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "codec/names.h"
#include "codec/rewrite.h"
#include "dataplane/block_pool.h"
#include "dataplane/connection.h"

namespace ringgate {

struct FlightRecord;

enum class ChannelState : std::uint8_t {
  kLoggingIn,  // the login is forwarded and not answered: input is held, pushes wait
  kLoggedIn,
};

// What `Connection::user` of a client points to once its login is forwarded: this, then the
// connection's suffix (see client_suffix_bytes), in one block of the shard's pool.
struct Channel {
  std::uint32_t login = 0;  // low 32 bits of the login number
  std::uint32_t channel_crc = 0;
  std::uint32_t expires_at_s = 0;  // of the token, Unix time
  std::uint32_t login_sequence = 0;
  std::uint16_t outstanding = 0;  // requests without an answer, of all services
  std::uint16_t block_bytes = 0;
  std::uint16_t suffix_bytes = 0;
  std::uint16_t app_at = 0;  // in the suffix, as the id
  std::uint16_t id_bytes = 0;
  std::uint8_t id_at = 0;
  std::uint8_t account_bytes = 0;
  std::uint8_t app_bytes = 0;
  ChannelState state = ChannelState::kLoggingIn;
  std::uint8_t lost : 7 = 0;    // times that its account was found elsewhere: see parts/roll_call.h
  bool unrecorded : 1 = false;  // the recorder had no place for some of its events
  bool kicked_out : 1 = false;  // the session belongs to a newer login: no sign-out
  bool leaving : 1 = false;     // goes with its last answer: see parts/farewells.h
  bool recorded : 1 = false;    // `record` is set, and `login_times` are in it
  Carry* waiting = nullptr;     // framed pushes that wait for it
  // The recorder's (recorder/recorder.h). A channel that has only logged in has no record.
  union {
    std::uint64_t login_times = 0;
    FlightRecord* record;
  };

  // Null: there is no memory for it.
  [[nodiscard]] static Channel* create(BlockPool& pool, const ClientIdentity& identity);
  static void destroy(BlockPool& pool, Channel* channel) noexcept;

  [[nodiscard]] ByteView suffix() const noexcept {
    return {reinterpret_cast<const std::uint8_t*>(this) + sizeof(Channel), suffix_bytes};
  }
  // Views into the suffix.
  [[nodiscard]] std::string_view id() const noexcept;
  [[nodiscard]] std::string_view account(std::string_view gateway_id) const noexcept;
  [[nodiscard]] std::string_view app() const noexcept;
};

[[nodiscard]] inline Channel* channel_of(const Connection& connection) noexcept {
  return connection.role == Role::kClient ? connection.user<Channel>() : nullptr;
}

// Where a channel id says that its channel is.
struct ChannelPlace {
  std::uint32_t shard = 0;
  std::uint32_t slot = 0;
  std::uint32_t login = 0;  // low 32 bits
};

inline constexpr std::size_t kChannelNonceDigits = 10;
inline constexpr std::size_t kChannelUniqueDigits = kChannelNonceDigits + 2 + 4 + 9;
static_assert(kChannelUniqueDigits == kChannelUniqueBytes);
static_assert(kChannelNonceDigits == kChannelBootBytes);
inline constexpr std::uint32_t kMaxShards = 32 * 32;
inline constexpr std::uint32_t kMaxSlots = 32 * 32 * 32 * 32;

// Ten digits: the wall clock in ms and random bits. Once per process: the gateway's boot.
[[nodiscard]] std::string make_channel_nonce();

[[nodiscard]] std::string make_channel_id(std::string_view gateway_id, std::string_view account,
                                          std::string_view nonce, std::uint32_t shard,
                                          std::uint32_t slot, std::uint64_t login);
// The account in an id of this gateway's; empty when it cannot be one.
[[nodiscard]] std::string_view account_of(std::string_view channel_id,
                                          std::string_view gateway_id) noexcept;
// Nothing when the id cannot be one of `gateway_id` and `nonce`.
[[nodiscard]] std::optional<ChannelPlace> place_of(std::string_view channel_id,
                                                   std::string_view nonce) noexcept;

}  // namespace ringgate
