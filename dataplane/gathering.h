// How long a shard may let completions gather before it wakes up for them.
//
// At the load of a real gateway most of what a message costs is being woken for it alone. A shard
// that waits a moment longer is woken for several at once, and no message waits longer than the
// budget. What is not worth it is left alone:
// - Few messages: a lone one gathers nobody, so that it is served at once.
// - Peers that wait for an answer before they send on (closed loops): what they lose in time they
//   do not send, and nothing gathers. They are told by their rate, which falls while one gathers.
// A shard that is busy all the time finds more than it waits for, and does not wait at all.
//
// Owned and called by one shard's thread. Times are microseconds of Clock::monotonic_us().
#pragma once

#include <cstdint>

namespace ringgate {

class Gathering {
 public:
  // The longest that a message waits; 0: nothing gathers. From the next turn on.
  void set_budget(std::uint32_t budget_us) noexcept;

  // What the next wait may gather; 0: nothing, it ends with the first completion.
  [[nodiscard]] std::uint32_t us() const noexcept { return us_; }

  // At the beginning of every turn. `frames` and `link_frames` are what was parsed, ever; the
  // latter are those of links among them.
  void turned(std::uint64_t now_us, std::uint32_t frames, std::uint32_t link_frames) noexcept {
    if (now_us >= looks_us_) look(now_us, frames, link_frames);
  }

  // Without it for so long, then with it for as long as kRunUs, and looked at each time that
  // kTrialUs have passed.
  static constexpr std::uint32_t kTrialUs = 10'000;
  static constexpr std::uint32_t kRunUs = 200'000;
  // After it was seen to slow peers down.
  static constexpr std::uint32_t kRestUs = 1'000'000;
  // Fewer messages than this within the budget are not waited for.
  static constexpr std::uint32_t kWorth = 2;
  // Where links are not silent either: a request and its answer take three waits, the gateway's for
  // the client, the service's and the gateway's for the service, and together they keep the budget.
  static constexpr std::uint32_t kWaitsOfRequest = 3;

 private:
  enum class Phase : std::uint8_t { kMeasure, kGather, kRest };

  void look(std::uint64_t now_us, std::uint32_t frames, std::uint32_t link_frames) noexcept;
  void begin(Phase phase, std::uint32_t gathers_us, std::uint32_t looks_after_us) noexcept;
  [[nodiscard]] std::uint32_t worth(std::uint64_t frames, std::uint64_t link_frames,
                                    std::uint64_t elapsed_us) const noexcept;
  [[nodiscard]] bool slows_down(std::uint64_t frames, std::uint64_t elapsed_us) const noexcept;

  std::uint32_t budget_us_ = 0;
  Phase phase_ = Phase::kRest;
  std::uint32_t us_ = 0;
  std::uint64_t began_us_ = 0;
  std::uint64_t looks_us_ = 0;
  std::uint32_t frames_ = 0;  // when the phase began
  std::uint32_t link_frames_ = 0;
  std::uint64_t measured_ = 0;  // frames without gathering, and in what time
  std::uint64_t measured_us_ = 1;
};

}  // namespace ringgate
