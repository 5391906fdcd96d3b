// One simulated client: the bytes it sends, and what the bytes it receives mean. No sockets.
//
// Owned and used by one worker thread. Views handed out stay valid until the next call that writes
// a message; with one message outstanding that is after its answer.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "benchmarks/ringbench/options.h"
#include "codec/bytes.h"
#include "codec/header_scan.h"
#include "codec/tcp_frame.h"

namespace ringgate::bench {

enum class ErrorKind : std::uint8_t {
  kStatus,          // an answer with another status than Success
  kWrongSequence,   // an answer to no outstanding request: late, twice, or somebody else's
  kUnexpected,      // a packet that nobody asked for
  kMalformed,       // bytes that are no frame or packet
  kKickedOut,       // another login took the account over
  kConnectionLost,  // closed or reset by the target
  kUnanswered,      // still without an answer, a second or more, when the run ended
};
inline constexpr std::size_t kErrorKinds = 7;
[[nodiscard]] std::string_view name_of(ErrorKind kind) noexcept;

// The same for every client of a run.
struct Workload {
  Mode mode = Mode::kPing;
  std::string_view command;
  ByteView body;
};

struct Verdict {
  bool answered = false;  // the outstanding request has its answer, with status Success
  bool settled = false;   // it has an answer of whatever status: the next may be sent
  ErrorKind error = ErrorKind::kUnexpected;  // when not answered
  std::uint32_t status = 0;                  // with kStatus
};

class Client {
 public:
  enum class State : std::uint8_t { kConnecting, kLoggingIn, kReady, kWaiting, kLost };

  // `out` is where messages are written: at least message_room() bytes, and the login's.
  void set_output(MutableBytes out) noexcept { out_ = out; }
  [[nodiscard]] static std::size_t message_room(const Workload& workload);
  [[nodiscard]] static std::size_t login_room(std::size_t login_body_bytes);

  [[nodiscard]] ByteView write_login(ByteView login_body) noexcept;
  [[nodiscard]] ByteView write_message(const Workload& workload) noexcept;

  // Calls on_verdict(const Verdict&) for each complete frame; keeps what is incomplete.
  // False: not the protocol, give the connection up.
  template <class OnVerdict>
  [[nodiscard]] bool receive(ByteView bytes, const OnVerdict& on_verdict) {
    if (!partial_.empty()) {
      partial_.insert(partial_.end(), bytes.begin(), bytes.end());
      bytes = partial_;
    }
    std::size_t done = 0;
    for (;;) {
      const FrameStep step = next_tcp_frame(bytes.subspan(done), kMaxFrameBytes);
      if (step.status == FrameStatus::kNeedMore) break;
      if (step.status != FrameStatus::kFrame) return false;
      done += step.consumed;
      on_verdict(judge(step.frame));
    }
    keep(bytes.subspan(done));
    return true;
  }

  State state = State::kConnecting;
  std::uint64_t sent_ns = 0;  // when the outstanding message was handed over, in state kWaiting

 private:
  static constexpr std::size_t kMaxFrameBytes = std::size_t{1} << 20;

  [[nodiscard]] Verdict judge(const Frame& frame) const noexcept;
  [[nodiscard]] Verdict judge_answer(const HeaderScan& scan) const noexcept;
  [[nodiscard]] bool is_waiting() const noexcept {
    return state == State::kWaiting || state == State::kLoggingIn;
  }
  void keep(ByteView rest);

  MutableBytes out_;
  std::uint32_t sequence_ = 0;  // of the request last written
  bool expects_pong_ = false;
  std::vector<std::uint8_t> partial_;
};

}  // namespace ringgate::bench
