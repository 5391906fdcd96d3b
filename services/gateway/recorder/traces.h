// Accounts whose events somebody follows as they happen (`ringgate trace`): few at once, and each
// only as long as somebody asks for it. Events of its channels are collected in the order in which
// they happened; who asks says up to where he has them, and is told how many he has missed.
//
// One per shard, on its thread. It allocates where a trace begins, and where a channel of a traced
// account logs in or ends.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "services/gateway/recorder/event.h"

namespace ringgate {

struct TracedEvent {
  Event event;
  std::uint32_t login = 0;  // of its channel
  std::uint32_t unused = 0;
};

class Traces {
 public:
  static constexpr std::size_t kMost = 8;
  static constexpr std::size_t kEvents = 1024;       // of one that are kept
  static constexpr std::size_t kMaxChannels = 32;    // of one that are told
  static constexpr std::uint32_t kLeaseMs = 15'000;  // since it was asked for

  // A channel of a traced account, as it is told.
  struct Traced {
    std::uint32_t login = 0;
    std::uint32_t slot = 0;
    std::uint32_t events_gone = 0;  // before the first that the trace has
    std::vector<std::uint8_t> row;  // once it has ended
  };
  struct Trace {
    std::string account;
    std::uint32_t epoch = 0;  // tells it from an earlier one of that account; not 0
    std::uint32_t asked_ms = 0;
    std::uint64_t next = 0;  // how many events there were
    std::vector<TracedEvent> ring;
    std::deque<Traced> channels;        // the newest last
    std::uint32_t untold_channels = 0;  // that there was no place for
    std::uint32_t untold_closes = 0;    // of the account, before the first that it has

    Trace(std::string_view whose, std::uint32_t number, std::uint32_t now_ms)
        : account(whose), epoch(number), asked_ms(now_ms), ring(kEvents) {}

    [[nodiscard]] std::uint64_t oldest() const noexcept {
      return next > kEvents ? next - kEvents : 0;
    }
    [[nodiscard]] const TracedEvent& at(std::uint64_t number) const {
      return ring[number % kEvents];
    }
    // Found or made; for a new one the oldest that has ended is forgotten. Null: there are too
    // many, which is counted.
    [[nodiscard]] Traced* channel(std::uint32_t login, std::uint32_t slot);
    // The row to be of a login that was refused before there was a channel; null as above.
    [[nodiscard]] std::vector<std::uint8_t>* add_refused();
    [[nodiscard]] bool make_room();
    void add(std::uint32_t login, const Event& event) noexcept {
      ring[next++ % kEvents] = {event, login, 0};
    }
  };

  [[nodiscard]] bool any() const noexcept { return count_ != 0; }
  // The traces of that account, a bit each.
  [[nodiscard]] std::uint8_t of(std::string_view account) const noexcept;
  // The one of that account, asked for now; null: there is none.
  [[nodiscard]] Trace* asked(std::string_view account, std::uint32_t now_ms);
  // A new one. Null: as many as may be are under way.
  [[nodiscard]] Trace* begin(std::string_view account, std::uint32_t now_ms, std::uint32_t epoch);
  [[nodiscard]] std::uint8_t bit_of(const Trace& trace) const noexcept;
  // Ends those that nobody has asked for, and tells `use` of each.
  template <class Use>
  void expire(std::uint32_t now_ms, Use&& use) {
    for (std::unique_ptr<Trace>& trace : traces_) {
      if (trace == nullptr || now_ms - trace->asked_ms <= kLeaseMs) continue;
      use(*trace);
      trace.reset();
      --count_;
    }
  }

  void add(std::uint8_t traces, std::uint32_t login, const Event& event) noexcept;
  template <class Use>
  void for_each(std::uint8_t traces, Use&& use) {
    for (std::size_t i = 0; i < kMost; ++i) {
      if ((std::size_t{traces} >> i & 1U) != 0 && traces_[i] != nullptr) use(*traces_[i]);
    }
  }

 private:
  std::array<std::unique_ptr<Trace>, kMost> traces_;
  std::size_t count_ = 0;
};

}  // namespace ringgate
