// The path that a WebSocket is asked for, and the path that a listener has. Pure functions, any
// thread.
#pragma once

#include <string>
#include <string_view>

namespace ringgate {

// "/a?b" and "http://host/a?b" (RFC 9112, section 3.2) both ask for "/a". A view of `target`.
[[nodiscard]] std::string_view path_of_target(std::string_view target) noexcept;

// Paths that mean the same (RFC 3986, section 6.2.2) are the same in this form: a letter is never
// written as %61, and what may not stand in a path always is.
[[nodiscard]] std::string canonical_path(std::string_view path);

// `wanted` ends in "/*": what begins with the rest of it, so that "/*" is any path.
[[nodiscard]] bool path_matches(std::string_view wanted, std::string_view path);

}  // namespace ringgate
