// The server's side of the WebSocket opening handshake (RFC 6455, section 4.2): bytes in, a verdict
// and the response's text out. No sockets.
//
// One WsUpgrade per connection while it upgrades, on the connection's thread, thrown away after it.
// It holds at most `max_bytes` of the request; the options have to outlive it. This is set-up, not
// the data path: it allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codec/bytes.h"

namespace ringgate {

// Beast takes no field above 64 KiB: it throws.
inline constexpr std::size_t kMostUpgradeBytes = 65'536;

struct WsUpgradeOptions {
  std::string path = "/";  // "/chat/*": all below; see codec/ws_target.h
  // See codec/ws_origin.h; "*" allows all. A request without Origin does not come from a browser
  // and is always fine.
  std::vector<std::string> allowed_origins;
  std::string subprotocol;  // answered where it is offered; empty: none
  // Of the request line and all header fields, with the empty line after them; kMostUpgradeBytes at
  // most.
  std::size_t max_bytes = 8192;

  bool operator==(const WsUpgradeOptions&) const = default;
};

enum class UpgradeStatus : std::uint8_t {
  kNeedMore,
  kAccepted,  // send response(); what follows the request are frames
  kRefused,   // send response(), close; http_status() says why
};

struct UpgradeStep {
  UpgradeStatus status = UpgradeStatus::kNeedMore;
  std::size_t consumed = 0;  // of this call's input; what is left of it is the caller's
};

class WsUpgrade {
 public:
  explicit WsUpgrade(const WsUpgradeOptions& options) : options_(options) {}

  // The verdict and the place where it falls depend on the bytes alone, not on how they are cut. A
  // byte that no request has is refused at once. After the verdict nothing is consumed any more.
  [[nodiscard]] UpgradeStep feed(ByteView input);

  // 101, 400, 403, 404, 426 or 431; 0 while there is no verdict.
  [[nodiscard]] int http_status() const noexcept { return http_status_; }

  // What is wrong with a refused request, in a few words.
  [[nodiscard]] std::string_view problem() const noexcept { return problem_; }

  // All of the response: header fields and, when refused, a short text.
  [[nodiscard]] std::string response() const;

  // The values of X-Forwarded-For, joined by ", ": whoever sent them wrote them. Empty: none.
  [[nodiscard]] const std::string& forwarded_for() const noexcept { return forwarded_for_; }

 private:
  UpgradeStep decide(int http_status, std::string_view problem, std::size_t consumed);
  void judge(ByteView head);

  const WsUpgradeOptions& options_;
  std::string collected_;  // of a head that came in parts
  std::size_t head_bytes_ = 0;
  std::uint8_t line_end_ = 0;  // how much of CR LF CR LF the bytes so far end with
  int http_status_ = 0;
  std::string_view problem_;  // a literal
  std::string accept_;
  std::string forwarded_for_;
  bool subprotocol_offered_ = false;
};

// Sec-WebSocket-Accept for a Sec-WebSocket-Key: what a server answers and a client checks.
[[nodiscard]] std::string ws_accept_of(std::string_view key);

}  // namespace ringgate
