#include "codec/proxy_protocol.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

namespace ringgate {
namespace {

constexpr std::string_view kV1Start = "PROXY ";
constexpr std::string_view kV2Start{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::string_view kShortestV1 = "PROXY UNKNOWN\r\n";
constexpr std::size_t kV2HeadBytes = 16;

ProxyStep need_more(std::size_t need) noexcept {
  ProxyStep step;
  step.need = need;
  return step;
}

ProxyStep refused(ProxyStatus why) noexcept {
  ProxyStep step;
  step.status = why;
  return step;
}

ProxyStep bad() noexcept {
  return refused(ProxyStatus::kBad);
}

ProxyStep done(std::size_t consumed) noexcept {
  ProxyStep step;
  step.status = ProxyStatus::kDone;
  step.consumed = consumed;
  return step;
}

void set_source_v4(ProxyStep& step, const void* address, std::uint16_t port_be) noexcept {
  sockaddr_in source{};
  source.sin_family = AF_INET;
  source.sin_port = port_be;
  std::memcpy(&source.sin_addr, address, sizeof source.sin_addr);
  std::memcpy(&step.source, &source, sizeof source);
  step.has_source = true;
}

void set_source_v6(ProxyStep& step, const void* address, std::uint16_t port_be) noexcept {
  sockaddr_in6 source{};
  source.sin6_family = AF_INET6;
  source.sin6_port = port_be;
  std::memcpy(&source.sin6_addr, address, sizeof source.sin6_addr);
  std::memcpy(&step.source, &source, sizeof source);
  step.has_source = true;
}

// The text up to the next space, which goes with it.
std::string_view next_word(std::string_view& rest) noexcept {
  const std::size_t space = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, space);
  rest.remove_prefix(std::min(space + 1, rest.size()));
  return word;
}

bool read_address(int family, std::string_view text, in6_addr& address) noexcept {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size()) return false;
  std::ranges::copy(text, terminated.begin());
  // An embedded NUL would end the text early; the length says so.
  return std::string_view(terminated.data()).size() == text.size() &&
         inet_pton(family, terminated.data(), &address) == 1;
}

// 0..65535 without leading zeros, in network order.
std::optional<std::uint16_t> read_port(std::string_view text) noexcept {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  return htons(port);
}

// "TCP4 192.0.2.1 192.0.2.2 40000 443", after PROXY and without the line's end.
ProxyStep parse_v1_line(std::string_view line, std::size_t consumed) noexcept {
  ProxyStep step = done(consumed);
  const auto spaces = std::ranges::count(line, ' ');
  const std::string_view kind = next_word(line);
  if (kind == "UNKNOWN") return step;  // whatever else is on the line
  if ((kind != "TCP4" && kind != "TCP6") || spaces != 4) return bad();
  const int family = kind == "TCP4" ? AF_INET : AF_INET6;
  in6_addr source{};
  in6_addr target{};
  if (!read_address(family, next_word(line), source)) return bad();
  if (!read_address(family, next_word(line), target)) return bad();
  const auto source_port = read_port(next_word(line));
  const auto target_port = read_port(line);
  if (!source_port || !target_port) return bad();
  if (family == AF_INET) {
    set_source_v4(step, &source, *source_port);
  } else {
    set_source_v6(step, &source, *source_port);
  }
  return step;
}

ProxyStep parse_v1(std::string_view text) noexcept {
  const std::size_t most = kMaxProxyV1Bytes - 1;  // CR has to be within, LF comes after it
  const std::string_view line = text.substr(0, text.substr(0, most).find('\r'));
  if (line.size() == text.size()) {
    if (text.size() >= most) return bad();
    return need_more(std::max(kShortestV1.size(), text.size() + 2));
  }
  if (line.size() + 1 == text.size()) return need_more(text.size() + 1);
  if (text[line.size() + 1] != '\n') return bad();
  return parse_v1_line(line.substr(kV1Start.size()), line.size() + 2);
}

std::size_t v2_address_bytes(std::uint8_t family) noexcept {
  constexpr std::array<std::size_t, 4> kAddressBytes = {0, 12, 36, 216};  // none, IPv4, IPv6, UNIX
  return kAddressBytes[family];
}

ProxyStep parse_v2(ByteView input, std::size_t max_bytes) noexcept {
  constexpr std::uint8_t kTcp4 = 0x11;
  constexpr std::uint8_t kTcp6 = 0x21;
  // Version 2, and LOCAL or PROXY.
  if (input.size() > 12 && (input[12] & 0xfeU) != 0x20) return bad();
  if (input.size() < kV2HeadBytes) return need_more(kV2HeadBytes);
  const bool local = input[12] == 0x20;
  const std::size_t total = kV2HeadBytes + load_be<std::uint16_t>(input.data() + 14);
  const std::uint8_t kind = input[13];
  if (!local && ((kind >> 4U) > 3 || (kind & 0x0fU) > 2)) return bad();
  // Of LOCAL, nothing counts but the length.
  const std::size_t kept = kV2HeadBytes + (local ? 0 : v2_address_bytes(kind >> 4U));
  if (total < kept) return bad();
  if (total > max_bytes) return refused(ProxyStatus::kTooLong);
  if (input.size() < kept) return need_more(kept);
  ProxyStep step = done(kept);
  step.skip = total - kept;
  if (local) return step;
  // Both addresses, then both ports; the source comes first.
  const std::uint8_t* const address = input.data() + kV2HeadBytes;
  std::uint16_t port_be = 0;
  if (kind == kTcp4) {
    std::memcpy(&port_be, address + 2 * sizeof(in_addr), sizeof port_be);
    set_source_v4(step, address, port_be);
  } else if (kind == kTcp6) {
    std::memcpy(&port_be, address + 2 * sizeof(in6_addr), sizeof port_be);
    set_source_v6(step, address, port_be);
  }
  return step;
}

bool can_begin(std::string_view text, std::string_view start) noexcept {
  const std::size_t size = std::min(text.size(), start.size());
  return text.substr(0, size) == start.substr(0, size);
}

}  // namespace

ProxyStep parse_proxy_header(ByteView input, std::size_t max_bytes) noexcept {
  const std::string_view text = as_text(input);
  if (text.empty()) return need_more(kShortestV1.size());
  if (can_begin(text, kV1Start)) return parse_v1(text);
  if (can_begin(text, kV2Start)) return parse_v2(input, max_bytes);
  return bad();
}

}  // namespace ringgate
