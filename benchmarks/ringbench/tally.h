// What is counted and timed. A Tally is one thread's; a run's is the sum of them.
//
// A message belongs to the measuring window when the time it was meant to be sent at is inside it.
// Each of those ends exactly once, so that due == answered + failed when a run is over: answered
// with Success, or failed (another status, its connection lost, no answer until the drain's end,
// or never sent at all). A delivery (a push at its receiver) is due when the push was meant to be
// sent. What a rate tells is another population: what was answered *in* the window.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/common/histogram.h"
#include "benchmarks/ringbench/times.h"

namespace ringgate::bench {

enum class Action : std::uint8_t {
  kPing,
  kForward,
  kTalk,      // until the answer to its sender
  kDelivery,  // of a talk or a push: until it is at its receiver
  // Of the scenario login; the set-up's logins are not counted.
  kConnect,  // from its own begin until the connection is there, a WebSocket's upgrade included
  // From when the login was meant to begin, a wait for a free connection included:
  kLogin,  // until the login's answer
  kCycle,  // until the connection is closed again
};
inline constexpr std::size_t kActions = 7;
// Of another action, and so no message of its own where messages are counted.
[[nodiscard]] constexpr bool is_part(Action action) noexcept {
  return action == Action::kDelivery || action == Action::kConnect || action == Action::kCycle;
}
[[nodiscard]] std::string_view name_of(Action action) noexcept;  // "ping"

enum class ErrorKind : std::uint8_t {
  kStatus,          // an answer with another status than Success
  kWrongSequence,   // an answer to no outstanding request: late, twice, or somebody else's
  kUnexpected,      // a packet that nobody asked for
  kMalformed,       // bytes that are no frame or packet
  kOutOfOrder,      // a delivery that overtook another, or came twice
  kKickedOut,       // another login took the account over
  kConnectFailed,   // no connection, or no upgrade
  kLoginFailed,     // a login that was answered with another status, or not at all
  kConnectionLost,  // closed or reset by the target
  kUnanswered,      // without an answer when the drain, or its connection, ended
  kNoConnection,    // due, and no connection was there to send it
  kNotSent,         // due, and ringbench was behind, or had too many outstanding to send more
  kOwnLimit,        // this machine gave ringbench no socket: no more ports, descriptors, memory
  kNotDelivered,    // a push that left and never came to its receiver
  kMisdelivered,    // a push that came to a connection that it was not for
  kNotClosed,       // a goodbye that the target did not close on: ringbench did, after a second
  kUnaskedPong,     // a pong, and no ping that had left was waiting for one
  kWrongBody,       // a pong that carries something, or an echo of something else than was sent
};
inline constexpr std::size_t kErrorKinds = 18;
[[nodiscard]] std::string_view name_of(ErrorKind kind) noexcept;  // "wrong_sequence"

// Why a message that was due never left.
enum class Unsent : std::uint8_t {
  kBehind,        // ringbench did not come to it
  kBusy,          // a login, and no connection was free for it
  kOutstanding,   // as many as can be kept in mind had no answer yet
  kNoRoom,        // a push, and what was pushed before was still in the way
  kNoConnection,  // nobody was there to send it, or to push it to
};
inline constexpr std::size_t kUnsentReasons = 5;
[[nodiscard]] std::string_view name_of(Unsent reason) noexcept;  // "no_connection"

// How a client is lost whose account another login takes over.
inline constexpr std::string_view kKickedOutText =
    "another login of the account; where runs overlap, give each an --account-prefix of its own";

struct ActionTally {
  std::uint64_t due = 0;       // in the window
  std::uint64_t unsent = 0;    // of those: never left
  std::uint64_t answered = 0;  // of those, with Success
  std::uint64_t late = 0;      // of the answered ones: after the window's end
  std::uint64_t failed = 0;
  std::uint64_t in_window = 0;  // answered with Success in the window, whenever it was due
  // Answered with another status, or wrongly, in the window, whenever it was due.
  std::uint64_t refused_in_window = 0;
  // Of what was due, but for what was refused: answered with another status, or wrongly. Open loop:
  // from the intended send time.
  Times times;

  [[nodiscard]] std::uint64_t sent() const noexcept { return due - unsent; }
};

// What happened in one stretch of the window, by the time it happened.
struct Interval {
  std::uint64_t answered = 0;   // messages; pushes where they are what is measured
  std::uint64_t delivered = 0;  // of talks
  std::uint64_t errors = 0;
  CoarseHistogram times;  // of those answered
};

struct Tally {
  // Statuses from here on are counted together.
  static constexpr std::size_t kStatuses = 1024;

  std::array<ActionTally, kActions> actions;
  // Since the start: warm-up and drain belong to it.
  std::array<std::uint64_t, kErrorKinds> errors{};
  std::array<std::uint64_t, kStatuses> statuses{};
  // Open loop: how much later than intended messages left, because ringbench was late.
  Histogram lag;
  // Logins of an open loop that had to wait until a connection was free: how long. It is the
  // target's doing, and in their times.
  Histogram connection_waits;
  std::vector<Interval> timeline;   // sized before the window begins
  std::uint64_t connects = 0;       // established, set-up included
  Histogram handshakes;             // of TLS, set-up included: from the connection until done
  std::uint64_t resumed = 0;        // of those: went on from an earlier session
  std::uint64_t logins = 0;         // answered with Success, set-up included
  std::uint64_t came_again = 0;     // opened again when a target that goes away said to
  std::uint64_t retries = 0;        // of the set-up: connections begun again, since one was lost
  std::string first_loss;           // what ended the first connection that was lost
  std::string first_login_failure;  // why the first login, or connect, came to nothing
  // Since the start: of the pushes that talks, or the service that ringbench plays, asked for.
  std::uint64_t deliveries_asked = 0;
  std::uint64_t deliveries_come = 0;
  std::uint64_t lost_packets = 0;  // as errors[kNotDelivered], of those that were due in the window
  std::uint64_t overtaken = 0;     // deliveries of the window that came, but out of order
  // Clients that waited for an answer all through the window, and had none until the run ended.
  std::uint64_t silent = 0;
  std::uint64_t last_answer_ns = 0;  // CLOCK_MONOTONIC; whatever its status
  // Of the messages that were due in the window (is_main): what never left. With those that did
  // it is what was due.
  std::array<std::uint64_t, kUnsentReasons> never_left{};
  // Open loop, of those that left: after the window's end, since ringbench was behind, or since all
  // connections were busy.
  std::uint64_t behind_late = 0;
  std::uint64_t busy_late = 0;
  // Pushes that left later than they were due since what was pushed before was in the way.
  std::uint64_t held_back = 0;

  [[nodiscard]] ActionTally& of(Action action) noexcept {
    return actions[static_cast<std::size_t>(action)];
  }
  [[nodiscard]] const ActionTally& of(Action action) const noexcept {
    return actions[static_cast<std::size_t>(action)];
  }
  [[nodiscard]] std::uint64_t& never(Unsent reason) noexcept {
    return never_left[static_cast<std::size_t>(reason)];
  }
  [[nodiscard]] std::uint64_t never(Unsent reason) const noexcept {
    return never_left[static_cast<std::size_t>(reason)];
  }
  [[nodiscard]] std::uint64_t all_errors() const noexcept;
  void merge(const Tally& other);
  // Of a run's sum, once: sender and receiver count apart, so what never came is known when all is
  // added up. It has waited for so long, or longer.
  void settle_deliveries(std::uint64_t waited_ns);
};

// Read by main while the worker runs: plain relaxed stores of one writer.
struct LiveCounts {
  std::atomic<std::uint64_t> answered{0};  // as Interval::answered, since the start
  std::atomic<std::uint64_t> errors{0};
  std::atomic<std::uint64_t> ready{0};  // connections that are logged in
};

}  // namespace ringgate::bench
