// What a page that is embedded in the binary may do in a browser. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

namespace ringgate {

// Lets the page run its own script and style, known by their hashes, and connect to these; nothing
// else. (W3C Content Security Policy Level 3.)
[[nodiscard]] std::string page_policy(std::string_view html, std::string_view connect);

}  // namespace ringgate
