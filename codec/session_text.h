// A Session as it goes to services that take roll calls: written by hand, into memory that is there
// already. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ringgate {

struct SessionText {
  std::string_view channel_id = {};
  std::string_view account = {};
  std::string_view remote_ip = {};
  std::string_view app = {};
};

// What is empty is left out.
[[nodiscard]] std::size_t session_bytes(const SessionText& session) noexcept;
void append_session(std::string& to, const SessionText& session);
// As an element of RollCallReq.present.
void append_present(std::string& to, const SessionText& session);

}  // namespace ringgate
