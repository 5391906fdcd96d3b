// What mail is about: its kind, and what each kind carries.
//
// A part (the shard itself, the links, a gateway, a store) declares its kinds in one place, in a
// range of numbers of its own, each with what it carries:
//
//   inline constexpr MailRange kMyMail = kStoreMail.next(8);
//   inline constexpr MailOf<Settings> kMailSettings{kMyMail[0]};      // a struct
//   inline constexpr MailWith<Head> kMailRows{kMyMail[1]};            // a struct, then bytes
//   inline constexpr MailBytes kMailText{kMyMail[2]};                 // bytes
//   static_assert(are_distinct({kMailSettings, kMailRows, kMailText}));
//   static_assert(are_apart({kShardMail, kStoreMail, kMyMail}));      // all that meet in a process
//
// Shard and ShardGroup take such kinds, so another payload does not compile; its own size is
// checked once, by read().
//
// Mail of a kind that its receiver does not know is a bug of ours. It is the same everywhere: the
// message is ignored and counted (UnknownMail), and control writes one line to the log. It never
// ends a process, since that would end every connection for one message.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <type_traits>

#include "codec/bytes.h"
#include "codec/check.h"
#include "dataplane/counters.h"
#include "dataplane/mailbox.h"

namespace ringgate {

// The numbers of one part's kinds.
struct MailRange {
  MailKind first;
  MailKind count;

  // Beyond the range: does not compile.
  consteval MailKind operator[](MailKind index) const {
    if (index >= count) throw "a kind of mail beyond its part's range";
    return static_cast<MailKind>(first + index);
  }
  // The range behind this one.
  [[nodiscard]] consteval MailRange next(MailKind its_count) const {
    const auto its_first = static_cast<std::uint32_t>(first) + count;
    if (its_first + its_count > Mailbox::kMaxKind) throw "no number is left for this range";
    return {static_cast<MailKind>(its_first), its_count};
  }
};

[[nodiscard]] consteval bool are_apart(std::initializer_list<MailRange> ranges) {
  for (const MailRange& one : ranges) {
    for (const MailRange& other : ranges) {
      if (&one == &other) continue;
      if (one.first < other.first + other.count && other.first < one.first + one.count)
        return false;
    }
  }
  return true;
}

[[nodiscard]] consteval bool are_distinct(std::initializer_list<MailKind> kinds) {
  for (const MailKind& one : kinds) {
    for (const MailKind& other : kinds) {
      if (&one != &other && one == other) return false;
    }
  }
  return true;
}

template <class Payload>
concept MailPayload = std::is_trivially_copyable_v<Payload>;

template <MailPayload Payload>
ByteView bytes_of(const Payload& payload) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(&payload), sizeof payload};
}

// One struct and nothing else.
template <MailPayload Payload>
struct MailOf {
  MailKind kind;

  // NOLINTNEXTLINE(google-explicit-constructor): so that it can be a case label.
  constexpr operator MailKind() const noexcept { return kind; }
  [[nodiscard]] Payload read(ByteView message) const noexcept {
    RINGGATE_CHECK(message.size() == sizeof(Payload));
    Payload payload;
    std::memcpy(&payload, message.data(), sizeof payload);
    return payload;
  }
};

// A struct, and bytes behind it.
template <MailPayload Head>
struct MailWith {
  MailKind kind;

  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr operator MailKind() const noexcept { return kind; }
  // Leaves what is behind the head in `message`.
  [[nodiscard]] Head read(ByteView& message) const noexcept {
    RINGGATE_CHECK(message.size() >= sizeof(Head));
    Head head;
    std::memcpy(&head, message.data(), sizeof head);
    message = message.subspan(sizeof head);
    return head;
  }
};

// Bytes that have a codec of their own.
struct MailBytes {
  MailKind kind;

  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr operator MailKind() const noexcept { return kind; }
};

// A message that says everything by its kind.
struct NothingMore {
  std::uint8_t unused = 0;
};

// What a receiver got and does not know. Noted by its thread, read by any.
class UnknownMail {
 public:
  void note(std::uint32_t from, MailKind kind) noexcept {
    if (count_.get() == 0) first_.set((std::uint64_t{from} << 16U) | kind);
    count_.add(1);
  }
  [[nodiscard]] std::uint64_t count() const noexcept { return count_.get(); }
  // Of the first one, once there is one.
  [[nodiscard]] MailKind kind() const noexcept { return static_cast<MailKind>(first_.get()); }
  [[nodiscard]] std::uint32_t from() const noexcept {
    return static_cast<std::uint32_t>(first_.get() >> 16U);
  }

 private:
  Cell first_;
  Cell count_;
};

}  // namespace ringgate
