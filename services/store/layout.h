// How sessions are laid out in a store, so that services of other makes can share it:
//
//   login:sn:<channelId>          the serialized Session
//   login:loc:<account>           u16 length, channelId, u16 length, gateId (big-endian)
//   login:loc:<app>,<account>     the same, for apps other than the default one
//
// Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "services/store/sessions.h"

namespace ringgate {

inline constexpr std::string_view kSessionPrefix = "login:sn:";
inline constexpr std::string_view kLocationPrefix = "login:loc:";

[[nodiscard]] std::string session_key(std::string_view channel_id);
// An empty app is the default one. Accounts contain no comma, so that keys are unambiguous.
[[nodiscard]] std::string location_key(std::string_view account, std::string_view app,
                                       std::string_view default_app);

[[nodiscard]] std::string encode_location(const Location& location);
// Nothing: the bytes are not a location, or name what no channel or gateway may be called: somebody
// else may have written them.
[[nodiscard]] std::optional<Location> decode_location(std::string_view bytes);

}  // namespace ringgate
