// What one shard has counted. Written by its own thread alone with plain relaxed stores (no
// read-modify-write), read by any other.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringgate {

enum class Counter : std::uint8_t {
  kAccepted,
  kClosed,
  kPings,
  kPacketsIn,
  kBytesIn,
  kPacketsOut,
  kBytesOut,
  kSends,
  kReceives,
  kIdlePolls,
  kBuffersExhausted,
  kListenerClosed,
  kAcceptErrors,
  kReadPaused,
  kResetsFound,
  kLinksRefused,
  kWakeups,
  kMailOut,
  kMailFull,
  kLogins,
  kLoginsRefused,
  kLoginBodiesRefused,
  kLoginsFailed,
  kForwarded,
  kForwardedSlow,
  kForwardFailed,
  kForwardFailedBytes,     // bound: bytes queued to a link
  kOutstandingFull,        // bound: requests without an answer
  kClientOutstandingFull,  // bound: of these, of one client
  kLinkFrameTooLong,       // bound: a frame on a link
  kAnswered,
  kAnswerTimeouts,
  kAnswerLate,
  kAnswersFailedByLink,
  kPushesIn,
  kPushesSlow,
  kDelivered,
  kPushToGoneChannel,
  kPushNotForUs,
  kLinkPacketMalformed,
  kSignouts,
  kSignoutsDropped,
  kRefusedCommands,
  kNoService,
  kZoneFallback,
  kEjections,
  kUpgrades,
  kUpgradesRefused,
  kUpgradesTooLong,      // bound: bytes of the request
  kChannelWaitingFull,   // bounds of a logic service: requests that wait for one of their channel,
  kServiceRequestsFull,  // all requests under way,
  kServiceRequestBytesFull,  // and their bytes
  kNoGateway,
  kGatewayQueueFull,  // bound of a logic service: bytes queued to a gateway
  kHandlerExceptions,
  kCount,
};

// The metric's name (without prefix) and meaning, one for each Counter.
struct CounterInfo {
  std::string_view name;
  std::string_view help;
};
[[nodiscard]] CounterInfo describe(Counter counter) noexcept;

// Values that go up and down.
enum class Gauge : std::uint8_t {
  kClients,
  kChannels,  // logged-in clients
  kLinks,
  kOutstanding,
  kPoolReservedBytes,
  kPoolUsedBytes,
  kSignoutsWaiting,
  kWebSockets,
  kPolled,
  kLinkQueuedBytes,
  kWebSocketChannels,
  kListenersClosed,
  kMailWaitingBytes,
  kCount,
};
[[nodiscard]] CounterInfo describe(Gauge gauge) noexcept;

// One cell that a single thread writes.
class Cell {
 public:
  void add(std::uint64_t n) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void set(std::uint64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t get() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

inline constexpr std::size_t kCloseReasons = 32;

template <class Enum>
constexpr std::size_t index_of(Enum value) noexcept {
  return static_cast<std::size_t>(value);
}

class Counters {
 public:
  void add(Counter counter, std::uint64_t n = 1) noexcept { counts_[index_of(counter)].add(n); }
  [[nodiscard]] std::uint64_t get(Counter counter) const noexcept {
    return counts_[index_of(counter)].get();
  }
  void set(Gauge gauge, std::uint64_t n) noexcept { gauges_[index_of(gauge)].set(n); }
  // Two's complement, so that -1 takes one away.
  void change(Gauge gauge, std::int64_t by) noexcept {
    gauges_[index_of(gauge)].add(static_cast<std::uint64_t>(by));
  }
  [[nodiscard]] std::uint64_t get(Gauge gauge) const noexcept {
    return gauges_[index_of(gauge)].get();
  }

  // Connections that ended, by CloseReason (see connection.h).
  Cell& closed(std::size_t reason) noexcept { return closed_[reason]; }
  [[nodiscard]] const Cell& closed(std::size_t reason) const noexcept { return closed_[reason]; }

 private:
  std::array<Cell, index_of(Counter::kCount)> counts_;
  std::array<Cell, index_of(Gauge::kCount)> gauges_;
  std::array<Cell, kCloseReasons> closed_;
};

}  // namespace ringgate
