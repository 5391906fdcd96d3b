// base64url without padding (RFC 4648, section 5), as JWT uses it. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace ringgate {

void append_base64url(std::string& to, std::string_view bytes);

// Replaces `to`. False for padding, characters outside the alphabet, impossible lengths, and bits
// left over that are not zero: every value has one encoding, so that no two token strings mean the
// same.
[[nodiscard]] bool decode_base64url(std::string_view text, std::string& to);

}  // namespace ringgate
