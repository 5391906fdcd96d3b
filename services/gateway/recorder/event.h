// What the flight recorder of a gateway keeps of a channel: an event is sixteen bytes of plain
// data. Words are made of it where somebody asks: see words.h.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "dataplane/names.h"

namespace ringgate {

// The name of an event, as pages and `ringgate trace --json` have it, and what it means.
struct EventName {
  std::string_view name;
  std::string_view help;
};

enum class EventKind : std::uint8_t {
  kLoginAsked,
  kLoggedIn,
  kLoginRefused,
  kForwarded,
  kAnswered,
  kNotForwarded,
  kUnanswered,
  kRefusedCommand,
  kPushed,
  kPushWaits,
  kPushDropped,
  kPushToGone,
  kWritten,
  kKicked,
  kClosed,
  kEnd,
};
template <>
inline constexpr auto kNamesOf<EventKind> = std::to_array<EventName>({
    {"login_asked", "its login was sent to an instance of the login service"},
    {"logged_in", "the login service let it in, after that time"},
    {"login_refused", "the login service did not let it in, with that status"},
    {"forwarded", "a packet of the client was sent to that instance of a service"},
    {"answered", "a service answered, with that status and after that time"},
    {"not_forwarded", "a packet of the client could not be sent to a service, and why"},
    {"unanswered", "no answer will come, and why: the client was told 300, outcome unknown"},
    {"refused_command", "a packet of the client was answered with 103: no such command"},
    {"push_queued", "a push of a service was queued for the client, so many bytes"},
    {"push_waits", "a push of a service waits until the login is answered"},
    {"push_dropped",
     "a push of a service was dropped, as the client does not read and its queue is full"},
    {"push_to_gone_channel", "a push of a service came for a channel that had ended"},
    {"written", "the socket has taken all that was queued, so long after the first push of it"},
    {"kicked", "it was told that it is kicked out, and by whom"},
    {"closed", "the connection ended, with that reason; so many bytes were still queued"},
});

// Why something did not happen, or who did it.
enum class EventWhy : std::uint8_t {
  kNone,
  kNoService,
  kClientOutstanding,
  kLinkDown,
  kLinkQueueFull,
  kMailboxFull,
  kOutstandingFull,
  kTooLong,
  kLinkBroke,
  kAnswerTimeout,
  kByNewerLogin,
  kByOperator,
  kEnd,
};
struct WhyName {
  std::string_view name;
  std::string_view words;
};
template <>
inline constexpr auto kNamesOf<EventWhy> = std::to_array<WhyName>({
    {"none", ""},
    {"no_service", "no instance of it is connected"},
    {"client_outstanding", "the client has too many requests without an answer"},
    {"link_down", "the link to it is down"},
    {"link_queue_full", "the queue of the link to it is full"},
    {"mailbox_full", "the mailbox to the shard of its link is full"},
    {"outstanding_full", "too many requests to it have no answer yet"},
    {"too_long", "the packet is longer than the service takes"},
    {"link_broke", "its link broke first"},
    {"answer_timeout", "no answer came in time"},
    {"newer_login", "by a newer login of its account"},
    {"operator", "by an operator"},
});

struct Event {
  Event() = default;
  // `detail`: an EventWhy, the index of a command or of a close reason, as its kind has it.
  Event(EventKind kind, std::uint8_t detail, std::uint32_t amount, std::uint32_t instance = 0,
        std::uint16_t number = 0) noexcept
      : stamp_{(std::uint64_t{index_of(kind)} << 56U) | (std::uint64_t{detail} << 48U)},
        value(amount),
        upstream(static_cast<std::uint16_t>(instance)),
        status(number) {}
  Event(EventKind kind, EventWhy why, std::uint32_t amount, std::uint32_t instance = 0,
        std::uint16_t number = 0) noexcept
      : Event(kind, static_cast<std::uint8_t>(why), amount, instance, number) {}

  [[nodiscard]] EventKind kind() const noexcept { return static_cast<EventKind>(stamp_ >> 56U); }
  [[nodiscard]] std::uint8_t detail() const noexcept {
    return static_cast<std::uint8_t>(stamp_ >> 48U);
  }
  [[nodiscard]] EventWhy why() const noexcept { return static_cast<EventWhy>(detail()); }
  // Microseconds of CLOCK_MONOTONIC: nine years of them fit.
  [[nodiscard]] std::uint64_t at_us() const noexcept { return stamp_ & kTimeBits; }
  void happened_at(std::uint64_t us) noexcept { stamp_ = (stamp_ & ~kTimeBits) | (us & kTimeBits); }

 private:
  static constexpr std::uint64_t kTimeBits = (std::uint64_t{1} << 48U) - 1;
  std::uint64_t stamp_ = 0;

 public:
  std::uint32_t value = 0;     // microseconds, bytes or a sequence
  std::uint16_t upstream = 0;  // the low half of its number; 0: none
  // Of an answer; of what is forwarded: the service in ServiceCounters; of a push whose command is
  // not of the protocol: its number, as OwnCommands::number_of has it.
  std::uint16_t status = 0;
};
static_assert(sizeof(Event) == 16);

}  // namespace ringgate
