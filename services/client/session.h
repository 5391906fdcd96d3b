// The protocol of the terminal client without its sockets: bytes and lines go in, bytes and lines
// come out. What the bytes look like is its transport's business.
//
// One thread. The session owns its transport, and what it has to send until sent() takes it away;
// unsent() stays valid until the next call of a function that is not const. Times are of any one
// monotonic clock, in nanoseconds.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "codec/bytes.h"
#include "services/client/text.h"
#include "services/client/transport.h"

namespace pkt {
class Header;
}

namespace ringgate {
struct RetryHint;
}

namespace ringgate::client {

inline constexpr std::int64_t kNsPerS = 1'000'000'000;
inline constexpr std::int64_t kLoginAnswerNs = 15 * kNsPerS;
inline constexpr std::int64_t kQuitWaitNs = 5 * kNsPerS;
inline constexpr std::int64_t kCloseWaitNs = 1 * kNsPerS;
// Below the 2 minutes after which a gateway closes a silent connection.
inline constexpr std::int64_t kHeartbeatNs = 45 * kNsPerS;
// Beyond these the session takes no more input until answers have come, or bytes have left. A chat
// lets 64 requests of a client wait (MaxChannelWaiting); half is left to what answers pushes.
inline constexpr std::size_t kMaxOutstanding = 32;
inline constexpr std::size_t kMaxUnsentBytes = 1024 * 1024;

class Session {
 public:
  enum class State : std::uint8_t {
    kLoggingIn,
    kReady,
    kQuitting,  // waits for outstanding answers
    kClosing,   // a close frame is sent; waits for the gateway's
    kEnded,
  };
  enum class Line : std::uint8_t { kOutput, kProblem };
  using Printer =
      std::function<void(Line, std::string_view)>;  // the line comes without its line end

  Session(std::string account, std::unique_ptr<Transport> transport, Printer print);

  void start(std::string_view token, std::int64_t now_ns);
  // Without bytes: takes what the transport already has.
  void receive(ByteView bytes, std::int64_t now_ns);
  // To be called while wants_input().
  void run(const Command& command, std::int64_t now_ns);
  void quit(std::int64_t now_ns);
  // The connection is gone; `how` goes on from "the connection was lost: ", empty for an ordinary
  // end.
  void disconnected(std::string_view how);
  // Whatever is due at `now_ns`. To be called at next_due_ns() or later, or as often as one likes.
  void tick(std::int64_t now_ns);
  std::int64_t next_due_ns() const noexcept { return due_ns_; }

  std::string_view unsent() const noexcept { return transport_->unsent(); }
  void sent(std::size_t bytes) { transport_->sent(bytes); }

  State state() const noexcept { return state_; }
  bool ended() const noexcept { return state_ == State::kEnded; }
  bool wants_input() const noexcept;
  // 1 when the login or any request failed or got no answer, or the gateway ended the session.
  int exit_code() const noexcept { return exit_code_; }

  // The gateway closed the session and said when to come again, and where to (empty: where it was):
  // codec/retry_hint.h. Set once it has ended.
  struct ComeAgain {
    std::int64_t in_ns = 0;
    std::string at;
  };
  const std::optional<ComeAgain>& come_again() const noexcept { return come_again_; }

 private:
  struct Request {
    enum class Kind : std::uint8_t { kLogin, kTalk, kEcho, kAck };
    Kind kind = Kind::kLogin;
    std::string to;
  };
  struct Ping {
    std::int64_t sent_ns = 0;
    bool heartbeat = false;  // nobody asked for it: its pong is not printed
  };

  void send_request(Request request, std::string_view command, std::string_view dest,
                    std::string_view body, std::int64_t now_ns);
  void send_ping(bool heartbeat, std::int64_t now_ns);
  void begin_close(std::int64_t now_ns);
  void close_when_answered(std::int64_t now_ns);
  std::size_t outstanding() const noexcept;

  void take_event(const Event& event, std::int64_t now_ns);
  void take_packet(ByteView payload, std::int64_t now_ns);
  void take_pong(std::int64_t now_ns);
  void take_close(std::string_view reason);
  void leave_for_a_while(const RetryHint& hint);
  void take_response(const pkt::Header& header, ByteView body, std::int64_t now_ns);
  void take_answer(const Request& request, ByteView body, std::int64_t now_ns);
  void take_refusal(const Request& request, const pkt::Header& header, ByteView body);
  void take_push(const pkt::Header& header, ByteView body, std::int64_t now_ns);
  void take_message(const pkt::Header& header, ByteView body, std::int64_t now_ns);

  void output(std::string_view line) { print_(Line::kOutput, line); }
  void problem(std::string_view line);
  void fail(std::string_view line);  // a problem that ends the session

  std::string account_;
  std::unique_ptr<Transport> transport_;
  Printer print_;
  State state_ = State::kLoggingIn;
  int exit_code_ = 0;
  std::optional<ComeAgain> come_again_;
  std::int64_t due_ns_ = 0;  // of the login answer, heartbeat, quit or close: what the state says
  std::uint32_t next_sequence_ = 1;
  std::unordered_map<std::uint32_t, Request> requests_;
  std::size_t acks_ =
      0;  // how many of requests_ are acknowledgements, which quit does not wait for
  std::deque<Ping> pings_;  // basic pings carry no number: pongs come in their order
};

}  // namespace ringgate::client
