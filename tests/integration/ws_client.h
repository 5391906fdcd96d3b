// WebSocket clients of tests: they write frames through the codec and any other bytes as they are
// told, and are strict about what they get. Errors are std::runtime_error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "codec/ws_close.h"
#include "codec/ws_frame.h"
#include "dataplane/transport.h"
#include "tests/integration/raw_service.h"

namespace ringgate::test {

// RFC 6455, section 1.3.
inline constexpr std::string_view kUpgradeKey = "dGhlIHNhbXBsZSBub25jZQ==";
inline constexpr std::string_view kUpgradeAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

// --- The opening handshake
// ------------------------------------------------------------------------

// A request line or any other first line, fields ("Name: value"), the empty line.
[[nodiscard]] std::string http_head(std::string_view first_line,
                                    const std::vector<std::string>& fields);
// A good request for `path`, with `more` fields.
[[nodiscard]] std::string upgrade_request(const std::vector<std::string>& more = {},
                                          std::string_view path = "/");

struct HttpResponse {
  int status = 0;
  std::string head;  // with the empty line
  std::string body;  // as long as Content-Length says; none without

  // The values of the fields of that name, joined by ", ". Names match in any case, values do not.
  [[nodiscard]] std::string field(std::string_view name) const;
};

// --- Frames
// ---------------------------------------------------------------------------------------

// A client's frame: masked, each time with another key.
[[nodiscard]] std::string ws_frame(Opcode opcode, std::string_view payload, bool fin = true);
// The head of one that declares more than is sent.
[[nodiscard]] std::string ws_frame_head(Opcode opcode, std::size_t payload_bytes);
[[nodiscard]] std::string ws_close(std::uint16_t code, std::string_view reason = {});
// TCP frames, as ping(), login() and talk() make them, in those of a WebSocket client.
[[nodiscard]] std::string ws_frames_of(std::string_view tcp_frames);
// The one packet in a TCP frame, in so many bytes a fragment.
[[nodiscard]] std::string ws_fragments_of(std::string_view tcp_frame, std::size_t fragment_bytes);

// What came, with the code of a close: 0 on TCP, 1005 for a close frame without one. The payload of
// a close is its reason.
struct Arrival : Event {
  int close_code = 0;
};

class WsSocket {
 public:
  WsSocket() = default;
  explicit WsSocket(Socket socket) : socket_(std::move(socket)) {}
  // Connected and upgraded. Throws when the answer is not 101.
  static WsSocket open(std::uint16_t port, const std::vector<std::string>& more = {},
                       std::string_view path = "/");

  // Sends a request and reads the response to it. Throws when the stream ends within it.
  HttpResponse upgrade(const std::vector<std::string>& more = {}, std::string_view path = "/");
  HttpResponse read_response();

  void send(std::string_view bytes) { socket_.write_all(bytes); }
  void send_packets(std::string_view tcp_frames) { send(ws_frames_of(tcp_frames)); }
  // Throws when nothing comes, and when what comes is no whole unmasked frame with FIN set.
  Arrival next(std::chrono::milliseconds patience = kPatience);
  [[nodiscard]] bool has_next(std::chrono::milliseconds patience = 0ms);
  // Of what has come, before next() has looked at it.
  [[nodiscard]] std::string& input() { return input_; }
  [[nodiscard]] Socket& socket() { return socket_; }

 private:
  Socket socket_;
  std::string input_;
};

// The gateway's close frame, then the end.
void expect_closed(WsSocket& client, WsCloseCode code, std::string_view reason);

// --- Clients of either transport
// ------------------------------------------------------------------

class AnyClient {
 public:
  AnyClient(const Server& server, Transport transport);
  explicit AnyClient(std::variant<FrameSocket, WsSocket> frames) : frames_(std::move(frames)) {}

  // TCP frames, whatever the transport is.
  void send(std::string_view tcp_frames);
  void send_bytes(std::string_view bytes) { socket().write_all(bytes); }
  Arrival next();
  [[nodiscard]] Socket& socket();
  [[nodiscard]] WsSocket& ws() { return std::get<WsSocket>(frames_); }
  [[nodiscard]] unsigned shard() const;

  std::string account;
  std::string channel;

 private:
  std::variant<FrameSocket, WsSocket> frames_;
};

void expect_closed(AnyClient& client, WsCloseCode code, std::string_view reason);
// By a gateway that drains.
void expect_sent_away(WsSocket& client);
void expect_sent_away(AnyClient& client);

// As raw_service.h has them for TCP.
AnyClient log_in(const Server& gateway, Link& login_service, const std::string& account,
                 Transport transport);
AnyClient log_in(const Server& gateway, const std::string& account, Transport transport);

// For names of test cases.
[[nodiscard]] std::string name_of(Transport transport);

}  // namespace ringgate::test
