// Bytes that tests send, and what they make of the bytes they get.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codec/pkt.pb.h"
#include "codec/rewrite.h"
#include "codec/tcp_frame.h"
#include "services/auth/development.h"
#include "tests/integration/socket.h"

namespace ringgate::test {

inline constexpr std::string_view kSecret = "a secret that only these tests know";

// --- Out
// ------------------------------------------------------------------------------------------

[[nodiscard]] std::string frame(Opcode opcode, std::string_view payload);
[[nodiscard]] std::string ping();
[[nodiscard]] std::string pong();
// A logic packet in a frame, its header written by protobuf or given as bytes.
[[nodiscard]] std::string packet(const pkt::Header& header, std::string_view body = {});
[[nodiscard]] std::string raw_packet(std::string_view header, std::string_view body = {});
[[nodiscard]] pkt::Header header(std::string_view command, std::uint32_t sequence,
                                 std::string_view dest = {});
void add_meta(pkt::Header& to, std::string_view key, std::string_view value,
              pkt::MetaType type = pkt::string);

struct TokenClaim {
  std::string app{kDevelopmentApp};
  std::int64_t expires_in_s = 3600;
  std::string secret{kSecret};
};
[[nodiscard]] std::string token(std::string_view account, const TokenClaim& claim = {});
// The login packet with that token.
[[nodiscard]] std::string login(std::string_view token, std::uint32_t sequence = 1);
[[nodiscard]] std::string talk(std::string_view to, std::string_view text, std::uint32_t sequence);

// --- In
// -------------------------------------------------------------------------------------------

// One thing that came: a frame, or the end of the stream.
struct Event {
  enum class Kind { kLogic, kPong, kPing, kClose, kFrame, kEnd };
  Kind kind = Kind::kEnd;
  Opcode opcode = Opcode::kContinuation;
  std::string payload;  // of the frame
  pkt::Header header;   // logic
  std::string body;     // logic

  [[nodiscard]] bool is_answer(std::uint32_t sequence, pkt::Status status = pkt::Success) const;
  // The first meta of that key, or "".
  [[nodiscard]] std::string meta(std::string_view key) const;
  [[nodiscard]] int count_meta(std::string_view key) const;
  template <class Message>
  [[nodiscard]] Message parse() const {
    Message message;
    if (!message.ParseFromString(body)) throw std::runtime_error("the body does not parse");
    return message;
  }
};
// A close that tells a client to come again: codec/retry_hint.h.
[[nodiscard]] bool sends_away(const Event& event);
// What is in a binary frame.
[[nodiscard]] Event read_packet(std::string_view payload);
// For messages of failed assertions.
std::ostream& operator<<(std::ostream& to, const Event& event);

// Frames in both directions over a socket.
class FrameSocket {
 public:
  FrameSocket() = default;
  explicit FrameSocket(Socket socket) : socket_(std::move(socket)) {}

  void send(std::string_view bytes) { socket_.write_all(bytes); }
  // Throws when nothing comes.
  Event next(std::chrono::milliseconds patience = kPatience);
  // The next one that is no ping, pong or other control frame of the transport.
  Event next_logic();
  // Whether there is something to be had by next() within that time.
  [[nodiscard]] bool has_next(std::chrono::milliseconds patience = 0ms);
  [[nodiscard]] Socket& socket() { return socket_; }

 private:
  Socket socket_;
  std::string input_;
};

}  // namespace ringgate::test
