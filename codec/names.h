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
