// What one shard has counted. Written by its own thread alone with plain relaxed stores (no
// read-modify-write), read by any other.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include "dataplane/cell.h"
#include "dataplane/close_reason.h"
#include "dataplane/histogram.h"
#include "dataplane/names.h"

namespace ringgate {

enum class Counter : std::uint8_t {
  kAccepted,
  kClosed,
  kPings,
  kBytesIn,
  kBytesOut,
  kSends,
  kReceives,
  kIdlePolls,
  kBuffersExhausted,
  kListenerClosed,
  kAcceptErrors,
  kAcceptRateReached,
  kMemoryShort,
  kTooManyFromAddress,
  kReadPaused,
  kDeferred,
  kThrottled,
  kClientsFull,
  kResetsFound,
  kLinksRefused,
  kWakeups,
  kGatheredWaits,
  kMailOut,
  kMailFull,
  kMailUnknown,
  kUpgrades,
  kUpgradesRefused,
  kUpgradesTooLong,  // bound: bytes of the request
  kTlsHandshakesFull,
  kTlsHandshakes,
  kTlsResumed,
  kTlsFailed,
  kEnd,
};
template <>
inline constexpr auto kNamesOf<Counter> = std::to_array<CounterName>({
    {"accepted_total", "connections accepted"},
    {"closed_total", "connections closed, for any reason"},
    {"pings_total", "pings answered by the shard itself"},
    {"bytes_in_total", "bytes received"},
    {"bytes_out_total", "bytes sent"},
    {"sends_total", "send operations completed"},
    {"receives_total", "receive completions with data"},
    {"idle_polls_total", "receives given up for a poll because the client had been silent"},
    {"buffers_exhausted_total", "receives that had to wait for a free provided buffer"},
    {"listener_closed_total", "times a shard closed its listener because its table was full"},
    {"accept_errors_total", "accepts that failed"},
    {"accept_rate_reached_total",
     "times accepting paused because AcceptRate was reached; clients wait in the backlog"},
    {"memory_short_total",
     "times nobody could be accepted for want of memory: an accept for which the kernel had none, "
     "or a shard that had none itself; clients wait in the backlog"},
    {"too_many_from_address_total",
     "connections above MaxConnectionsPerAddress; they were closed, unless LimitsDryRun says to "
     "count them only"},
    {"read_paused_total", "times reading from a client paused because too much of it was held"},
    {"input_deferred_total",
     "times the rest of what a connection had sent waited until the others had their share of a "
     "turn"},
    {"clients_throttled_total",
     "times reading from a client paused because it had sent more than ClientMessageRate or "
     "ClientByteRate"},
    {"clients_full_total",
     "times reading from a client paused because MaxQueuedBytes of what it asked for waited"},
    {"resets_found_total", "resets that no receive was told of: the sweep found them"},
    {"links_refused_total", "links closed at once because MaxLinks are open on the shard"},
    {"wakeups_total", "wake-ups sent to other threads"},
    {"gathered_waits_total", "waits in which a shard let messages gather, see LatencyBudget"},
    {"mail_out_total", "messages handed to other threads"},
    {"mail_full_total", "messages dropped because a mailbox was full"},
    {"mail_unknown_total", "messages ignored because the receiver does not know their kind: a bug"},
    {"websocket_upgrades_total", "WebSocket handshakes completed"},
    {"websocket_upgrades_refused_total", "WebSocket handshakes refused"},
    {"websocket_upgrades_too_long_total",
     "of these, because the request was above MaxUpgradeRequest"},
    {"tls_handshakes_full_total",
     "times so many TLS handshakes were under way on a shard that others had to wait "
     "(MaxTlsHandshakes), or would have had to"},
    {"tls_handshakes_total", "TLS handshakes completed"},
    {"tls_handshakes_resumed_total", "of these, those that resumed a session"},
    {"tls_handshakes_failed_total",
     "TLS handshakes that failed, or whose client left or was too slow; the closed connections say "
     "why"},
});

// Values that go up and down.
enum class Gauge : std::uint8_t {
  kClients,
  kLinks,
  kPoolReservedBytes,
  kPoolUsedBytes,
  kWebSockets,
  kPolled,
  kLinkQueuedBytes,
  kListenersClosed,
  kMailWaitingBytes,
  kTlsHandshakes,
  kTlsSessions,
  kReceiveBufferBytes,
  kMailboxBytes,
  kMemoryShort,
  kEnd,
};
template <>
inline constexpr auto kNamesOf<Gauge> = std::to_array<GaugeName>({
    {"clients", "open client connections"},
    {"links", "open links"},
    {"pool_reserved_bytes",
     "memory the shard's pool has taken from the system, but for what it has given back of it"},
    {"pool_used_bytes", "of these, bytes in use"},
    {"websockets", "of the open client connections, those over WebSocket"},
    {"clients_polled", "of the client connections, those waited for by a poll: they are idle"},
    {"link_queued_bytes", "bytes waiting to be sent on links"},
    {"listeners_closed", "listeners that are closed because there is no room for more clients"},
    {"mail_waiting_bytes", "memory of messages that wait for room in another thread's mailbox"},
    {"tls_handshakes_under_way", "TLS handshakes that have begun, or wait for their first step"},
    {"tls_1_2_sessions", "connections of TLS 1.2, for which OpenSSL's object is kept"},
    {"receive_buffer_bytes", "memory that receives may fill; it grows with need"},
    {"mailbox_bytes", "memory of mailboxes to other threads; it grows with need"},
    {"shards_short_of_memory", "shards that accept nobody until there is some memory again"},
});

// What is told with all its values, see histogram.h.
enum class Distribution : std::uint8_t {
  kTurn,
  kSend,
  kTlsHandshake,
  kEnd,
};
template <>
inline constexpr auto kNamesOf<Distribution> = std::to_array<HistogramName>({
    {"turn_seconds", "turns of a shard's loop, from waking up to waiting again",
     HistogramUnit::kSeconds},
    {"send_seconds", "sends, from their start until the socket had taken what they carried",
     HistogramUnit::kSeconds},
    {"tls_handshake_seconds", "completed TLS handshakes, from their first bytes",
     HistogramUnit::kSeconds},
});

class Counters {
 public:
  // How many there is room for, the handler's included.
  static constexpr std::size_t kMostCounters = 96;
  static constexpr std::size_t kMostGauges = 32;
  static constexpr std::size_t kMostHistograms = 8;

  // Counters and gauges of the dataplane's enums, or of the handler's.
  template <NamedBy<CounterName> Enum>
  void add(Enum counter, std::uint64_t n = 1) noexcept {
    counts_[place(counter)].add(n);
  }
  template <NamedBy<CounterName> Enum>
  [[nodiscard]] std::uint64_t get(Enum counter) const noexcept {
    return counts_[place(counter)].get();
  }
  template <NamedBy<GaugeName> Enum>
  void set(Enum gauge, std::uint64_t n) noexcept {
    gauges_[place(gauge)].set(n);
  }
  // Two's complement, so that -1 takes one away.
  template <NamedBy<GaugeName> Enum>
  void change(Enum gauge, std::int64_t by) noexcept {
    gauges_[place(gauge)].add(static_cast<std::uint64_t>(by));
  }
  template <NamedBy<GaugeName> Enum>
  [[nodiscard]] std::uint64_t get(Enum gauge) const noexcept {
    return gauges_[place(gauge)].get();
  }

  // A value in the unit of its histogram: microseconds, or a number.
  template <NamedBy<HistogramName> Enum>
  void record(Enum histogram, std::uint32_t value) noexcept {
    histograms_[place(histogram)].record(value);
  }
  template <NamedBy<HistogramName> Enum>
  [[nodiscard]] const Histogram& get(Enum histogram) const noexcept {
    return histograms_[place(histogram)];
  }

  // Connections that ended.
  void add_closed(CloseReason reason) noexcept { closed_[reason.index()].add(1); }
  [[nodiscard]] std::uint64_t closed(CloseReason reason) const noexcept {
    return closed_[reason.index()].get();
  }

  // Tells `use(CounterName, value)` of all counters: the dataplane's, then those of the handler
  // with these names. The others likewise.
  template <class Use>
  void for_each_counter(const HandlerNames& names, Use&& use) const {
    tell(counts_, names_of<Counter>(), 0, use);
    tell(counts_, names.counters, index_of(Counter::kEnd), use);
  }
  template <class Use>
  void for_each_gauge(const HandlerNames& names, Use&& use) const {
    tell(gauges_, names_of<Gauge>(), 0, use);
    tell(gauges_, names.gauges, index_of(Gauge::kEnd), use);
  }
  // Tells `use(HistogramName, const Histogram&)`.
  template <class Use>
  void for_each_histogram(const HandlerNames& names, Use&& use) const {
    const auto tell_each = [&](std::span<const HistogramName> some, std::size_t first) {
      for (std::size_t i = 0; i < some.size(); ++i) use(some[i], histograms_[first + i]);
    };
    tell_each(names_of<Distribution>(), 0);
    tell_each(names.histograms, index_of(Distribution::kEnd));
  }
  template <class Use>
  void for_each_closed(const HandlerNames& names, Use&& use) const {
    tell(closed_, names_of<CloseReason::Own>().subspan(1), 1, use);  // without kNone
    tell(closed_, names.closes, index_of(CloseReason::kEnd), use);
  }

 private:
  template <NamedBy<CounterName> Enum>
  [[nodiscard]] static constexpr std::size_t place(Enum counter) noexcept {
    return place_behind<Counter, kMostCounters>(counter);
  }
  template <NamedBy<GaugeName> Enum>
  [[nodiscard]] static constexpr std::size_t place(Enum gauge) noexcept {
    return place_behind<Gauge, kMostGauges>(gauge);
  }
  template <NamedBy<HistogramName> Enum>
  [[nodiscard]] static constexpr std::size_t place(Enum histogram) noexcept {
    return place_behind<Distribution, kMostHistograms>(histogram);
  }
  template <class Own, std::size_t kMost, class Enum>
  [[nodiscard]] static constexpr std::size_t place_behind(Enum value) noexcept {
    static_assert(kNamesOf<Enum>.size() == index_of(Enum::kEnd), "a row for each value");
    if constexpr (std::same_as<Enum, Own>) {
      static_assert(index_of(Own::kEnd) <= kMost);
      return index_of(value);
    } else {
      static_assert(index_of(Own::kEnd) + index_of(Enum::kEnd) <= kMost);
      return index_of(Own::kEnd) + index_of(value);
    }
  }
  template <std::size_t kMost, class Name, class Use>
  static void tell(const std::array<Cell, kMost>& cells, std::span<const Name> names,
                   std::size_t first, Use& use) {
    for (std::size_t i = 0; i < names.size(); ++i) use(names[i], cells[first + i].get());
  }

  std::array<Cell, kMostCounters> counts_;
  std::array<Cell, kMostGauges> gauges_;
  std::array<Cell, CloseReason::kMost> closed_;
  std::array<Histogram, kMostHistograms> histograms_;
};

}  // namespace ringgate
