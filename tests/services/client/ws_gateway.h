// The gateway's end of a WebSocket, for tests of the client: its frames, and a scripted server on
// loopback. Tests only, one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "codec/tcp_frame.h"
#include "codec/unmask.h"
#include "codec/ws_close.h"
#include "codec/ws_upgrade.h"
#include "control/base/unique_fd.h"
#include "tests/services/client/gateway_packets.h"

namespace ringgate {

// What gateway_packets.h puts into one TCP frame, in one WebSocket frame.
std::string as_ws(const std::string& tcp_frame);
std::string ws_frame(Opcode opcode, std::string_view payload, bool fin = true);
std::string ws_close(WsCloseCode code, std::string_view reason = {});

// One frame from a client, its payload unmasked.
struct WsSent {
  Opcode opcode = Opcode::kContinuation;
  WsMaskKey key{};
  std::string payload;
};

// The whole frames in `bytes`; a failure of the test when there is anything else.
std::vector<WsSent> parse_ws_sent(std::string_view bytes);

// The code in a close frame's payload.
WsCloseCode close_code_in(const WsSent& sent);

class WsGateway {
 public:
  WsGateway();

  std::uint16_t port() const noexcept { return port_; }

  // Takes the client that connects and reads its request up to the empty line.
  std::string take_request();
  // Takes the client and answers its upgrade; `first` follows the response in the same write.
  void upgrade(const WsUpgradeOptions& options = {}, const std::string& first = {});

  void put(std::string_view bytes) const;
  WsSent next_frame();
  Sent next();  // the same, as a packet
  void hang_up() { client_.reset(); }

 private:
  std::string read_some() const;

  UniqueFd listener_;
  UniqueFd client_;
  std::uint16_t port_ = 0;
  std::string received_;
};

}  // namespace ringgate
