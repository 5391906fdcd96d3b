// How sessions are laid out in a store, so that services of other makes can share it:
//
//   login:sn:<channelId>          the serialized Session
//   login:loc:<account>           u16 length, channelId, u16 length, gateId (big-endian)
//   login:loc:<app>,<account>     the same, for apps other than the default one
//
// And what only services of ours read:
//
//   ringgate:boot:<gateId>,<boot> there while that boot of a gateway lives: what names a channel of
//                                 a boot that is not there is void
//
// Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "codec/pkt.pb.h"
#include "services/store/location.h"

namespace ringgate {

inline constexpr std::string_view kSessionPrefix = "login:sn:";
inline constexpr std::string_view kLocationPrefix = "login:loc:";
inline constexpr std::string_view kBootPrefix = "ringgate:boot:";
inline constexpr std::string_view kEveryApp = "*";

[[nodiscard]] std::string session_key(std::string_view channel_id);
// Whose accounts, messages and groups an app's are: an empty app is the default one; a default app
// "*" is all of them.
[[nodiscard]] std::string_view shared_app(std::string_view app,
                                          std::string_view default_app) noexcept;
// In its shared_app(). Accounts contain no comma, so that keys are unambiguous.
[[nodiscard]] std::string location_key(std::string_view account, std::string_view app,
                                       std::string_view default_app);

// Whether its gateway tells services which channels are there. Such an id is never used again;
// those of other makes may come again after a restart.
[[nodiscard]] bool calls_roll(std::string_view channel_id);

// Both names of it may be parts of keys.
[[nodiscard]] bool has_names_for_keys(const pkt::Session& session);

[[nodiscard]] std::string encode_location(const Location& location);
// How the value of a location begins that names this channel.
[[nodiscard]] std::string location_start(std::string_view channel_id);
// Nothing: the bytes are not a location, or name what no channel or gateway may be called: somebody
// else may have written them.
[[nodiscard]] std::optional<Location> decode_location(std::string_view bytes);

// The key that says whether the channel's gateway lives. Nothing: it is no channel of ours, or of a
// gateway that calls no roll; those are as alive as their location says.
[[nodiscard]] std::optional<std::string> boot_key_of(const Location& location);
[[nodiscard]] std::string boot_key(std::string_view gateway_id, std::string_view boot);

}  // namespace ringgate
