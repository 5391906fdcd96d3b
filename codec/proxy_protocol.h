// The header that a proxy puts before a connection's bytes (PROXY protocol, versions 1 and 2), to
// say where the connection really comes from. Whoever may send one is the caller's to know.
//
// Pure functions over bytes: no sockets, no memory of their own, any thread.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>

#include "codec/bytes.h"

namespace ringgate {

inline constexpr std::size_t kMaxProxyV1Bytes = 107;  // the specification's, with CR LF
// The most of a version 2 header that is looked at: its head and two UNIX addresses. What follows
// (TLVs: a client's certificate, say) is thrown away as it comes.
inline constexpr std::size_t kMaxProxyV2Kept = 232;
inline constexpr std::size_t kMaxProxyV2Bytes = 16 + 65535;  // what its length field can say

enum class ProxyStatus : std::uint8_t {
  kDone,      // go on after `consumed` bytes, and after `skip` more
  kNeedMore,  // at least `need` bytes in all, counted from the start of the input
  kBad,       // no such header, or not a valid one: close
  kTooLong,   // above the bound: close
};

struct ProxyStep {
  ProxyStatus status = ProxyStatus::kNeedMore;
  // False: the proxy says nothing about the source (v1 UNKNOWN; v2 LOCAL, a check of the proxy's
  // own, or a family other than TCP over IPv4 and IPv6). The peer of the socket stands.
  bool has_source = false;
  sockaddr_storage source{};  // address and port, as a sockaddr_in or sockaddr_in6
  std::size_t consumed = 0;
  std::size_t skip = 0;  // the rest of the header, which may not have come yet
  std::size_t need = 0;
};

// Looks at the start of `input`, which has to be a header: a first byte that cannot begin one is
// kBad. `need` never goes beyond the header. `max_bytes` bounds a version 2 header as a whole; it
// is no less than kMaxProxyV2Kept.
[[nodiscard]] ProxyStep parse_proxy_header(ByteView input, std::size_t max_bytes) noexcept;

}  // namespace ringgate
