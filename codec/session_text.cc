#include "codec/session_text.h"

#include <array>
#include <cstdint>

#include "codec/varint.h"

namespace ringgate {
namespace {

// Tags of fields of the wire type LEN: see codec/pkt.proto.
constexpr char kChannelId = 0x0a;
constexpr char kAccount = 0x1a;
constexpr char kRemoteIp = 0x32;
constexpr char kApp = 0x42;
constexpr char kPresent = 0x12;

std::size_t text_bytes(std::string_view text) noexcept {
  return text.empty() ? 0 : 1 + varint_bytes(text.size()) + text.size();
}

void append_length(std::string& to, std::size_t bytes) {
  std::array<std::uint8_t, 10> digits{};
  const std::uint8_t* const end = write_varint(digits.data(), bytes);
  to.append(reinterpret_cast<const char*>(digits.data()),
            static_cast<std::size_t>(end - digits.data()));
}

void append_text(std::string& to, char tag, std::string_view text) {
  if (text.empty()) return;
  to.push_back(tag);
  append_length(to, text.size());
  to.append(text);
}

}  // namespace

std::size_t session_bytes(const SessionText& session) noexcept {
  return text_bytes(session.channel_id) + text_bytes(session.account) +
         text_bytes(session.remote_ip) + text_bytes(session.app);
}

void append_session(std::string& to, const SessionText& session) {
  append_text(to, kChannelId, session.channel_id);
  append_text(to, kAccount, session.account);
  append_text(to, kRemoteIp, session.remote_ip);
  append_text(to, kApp, session.app);
}

void append_present(std::string& to, const SessionText& session) {
  to.push_back(kPresent);
  append_length(to, session_bytes(session));
  append_session(to, session);
}

}  // namespace ringgate
