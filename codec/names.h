// Names that come from outside: from a client's token or packet, or over a link from a process of
// another make. Whatever becomes a part of a key, a list, a label or a log line is checked here
// first: an account with a comma would be somebody of another app, and a channel id with one would
// be two channels.
//
// Pure functions, any thread, no allocation.
#pragma once

#include <cstddef>
#include <string_view>

namespace ringgate {

inline constexpr std::size_t kMaxAccountBytes = 128;
inline constexpr std::size_t kMaxAppBytes = 64;
inline constexpr std::size_t kMaxServiceIdBytes = 64;  // of a process of ours
inline constexpr std::size_t kMaxForeignIdBytes = 1024;
inline constexpr std::size_t kMaxLabelBytes = 256;

// What a channel id of ours has after "<gateway id>_<account>_".
inline constexpr std::size_t kChannelUniqueBytes = 25;
inline constexpr std::size_t kMaxChannelIdBytes =
    kMaxServiceIdBytes + 1 + kMaxAccountBytes + 1 + kChannelUniqueBytes;

// Of these, the first: which boot of its gateway it is of.
inline constexpr std::size_t kChannelBootBytes = 10;
// The boot of a channel whose gateway tells services that it lives (boots of others begin with a
// higher digit); empty: it is none of these, or no channel of ours.
[[nodiscard]] std::string_view boot_of_channel(std::string_view channel_id,
                                               std::string_view gateway_id) noexcept;
[[nodiscard]] bool is_valid_boot(std::string_view boot) noexcept;

// 1 to kMaxAccountBytes (kMaxAppBytes, kMaxForeignIdBytes) bytes of valid UTF-8, without commas
// (they separate the parts of keys, and channel ids on links) and without control characters (C0,
// DEL, C1).
[[nodiscard]] bool is_valid_account(std::string_view account) noexcept;
[[nodiscard]] bool is_valid_app(std::string_view app) noexcept;
// Of a channel or a gateway, also of another make: ours are shorter.
[[nodiscard]] bool is_valid_foreign_id(std::string_view id) noexcept;

// What is only ever shown: a zone, an isp, a tag, a device. Up to kMaxLabelBytes of UTF-8 without
// control characters; may be empty.
[[nodiscard]] bool is_valid_label(std::string_view label) noexcept;

}  // namespace ringgate
