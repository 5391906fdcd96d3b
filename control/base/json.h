// Writing JSON strings (RFC 8259, section 7). Pure function, any thread.
#pragma once

#include <string>
#include <string_view>

namespace ringgate {

// Appends `text` in quotes, with what JSON requires escaped. `text` has to be UTF-8.
void append_json_string(std::string& to, std::string_view text);

}  // namespace ringgate
