// The bytes of one connection to a gateway as packets: what differs between TCP and WebSocket.
//
// One per connection, on the client's thread. Bytes go in with receive() and come out as events of
// next(); packets go in with send_packet() and come out as unsent(). It answers pings and closes
// itself, and knows no socket. An event's payload stays valid until the next receive() or next(),
// unsent() until the next function that is not const.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "codec/bytes.h"
#include "codec/tcp_frame.h"

namespace ringgate::client {

// Of one packet, from a gateway.
inline constexpr std::size_t kMaxClientPayloadBytes = 16 * 1024 * 1024;

struct Event {
  enum class Kind : std::uint8_t {
    kNeedMore,  // nothing whole is there
    kPacket,    // `payload` is one
    kClose,     // the gateway closes; `text` is its reason, empty for none
    kProblem,   // the gateway broke the rules; `text` is a sentence about it
  };
  Kind kind = Kind::kNeedMore;
  ByteView payload;
  std::string text;
};

class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  void receive(ByteView bytes);
  // Not to be called again after kClose or kProblem; a close frame is then among what is unsent.
  [[nodiscard]] virtual Event next() = 0;

  void send_packet(ByteView packet) { send_frame(Opcode::kBinary, packet); }
  // An ordinary close. Whatever is sent after it is dropped: nothing may follow a close frame.
  virtual void send_close() = 0;

  std::string_view unsent() const noexcept { return unsent_; }
  void sent(std::size_t bytes) { unsent_.erase(0, bytes); }

 protected:
  // What next() has not taken yet.
  ByteView rest() const noexcept { return as_bytes(received_).subspan(taken_); }
  void take(std::size_t bytes) noexcept { taken_ += bytes; }
  void send_frame(Opcode opcode, ByteView payload);

 private:
  virtual void append_frame(std::string& to, Opcode opcode, ByteView payload) = 0;

  std::string received_;
  std::size_t taken_ = 0;  // of received_
  std::string unsent_;
  bool close_sent_ = false;
};

[[nodiscard]] std::unique_ptr<Transport> make_tcp_transport();

}  // namespace ringgate::client
