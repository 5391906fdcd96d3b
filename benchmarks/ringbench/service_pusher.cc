#include "benchmarks/ringbench/service_pusher.h"

#include <algorithm>

namespace ringgate::bench {
namespace {

// Phases change within this: for what is not in a hurry.
constexpr std::uint64_t kTickNs = 10 * kMillisecondNs;
// So that links are served in between, and the first pushes are on their way meanwhile.
constexpr unsigned kMostPerTurn = 256;
// A rate above 20,000 packets a second is met by bunches: a wait for each packet would take a CPU
// that the gateway may need, and then the generator would be what is measured.
constexpr std::uint64_t kLeastWaitNs = 50'000;
// Closed loop, the window full. What makes room is told by a counter of other threads, not by a
// completion here, and having them wake this thread would be a system call in their measured path.
// This is below the time that a push takes when a hundred are on their way, and looking so often
// takes a few percent of a CPU.
constexpr std::uint64_t kPollNs = 100'000;
// A full link tells by its completion when it has room again.
constexpr std::uint64_t kNoRoomWaitNs = kMillisecondNs;
constexpr std::uint64_t kGiveUpNs = kSecondNs;

}  // namespace

ServicePusher::ServicePusher(const Options& options, RunState& state,
                             const ServiceChannels& channels, ServiceLinks& links, Tally& tally)
    : options_(options),
      state_(state),
      channels_(channels),
      links_(links),
      tally_(tally),
      groups_(options.talk_command, options.account_prefix, options.service.fanout,
              options.body_bytes) {
  if (options.rate) interval_ns_ = static_cast<double>(kSecondNs) / *options.rate;
}

void ServicePusher::turn() {
  wait_ns_ = kTickNs;
  if (options_.scenario != Scenario::kPush) return;
  const Phase phase = state_.phase.load(std::memory_order_acquire);
  if (phase == Phase::kSetUp) return;
  const std::uint64_t now_ns = monotonic_ns();
  if (now_ns < state_.load_begin_ns.load(std::memory_order_relaxed)) return;
  if (begin_ns_ == 0) begin(now_ns);
  if (phase != Phase::kRun) run_end_ns_ = std::min(run_end_ns_, now_ns);
  if (phase == Phase::kStop) return;
  rebuild_when_changed();
  if (options_.rate) {
    turn_open();
  } else {
    turn_closed();
  }
}

void ServicePusher::begin(std::uint64_t now_ns) {
  const std::uint64_t meant_ns = state_.load_begin_ns.load(std::memory_order_relaxed);
  begin_ns_ = meant_ns != 0 ? meant_ns : now_ns;
  progress_ns_ = now_ns;
  if (channels_.size() > 0) return;
  state_.fail_once(
      "no client has logged in through the service that ringbench plays: take other services of "
      "its name out of the gateway's registry");
}

// Rare while packets are pushed: clients log in before the run.
void ServicePusher::rebuild_when_changed() {
  if (groups_version_ == channels_.version()) return;
  groups_version_ = channels_.version();
  groups_.build(channels_);
  if (next_group_ >= groups_.size()) next_group_ = 0;
}

void ServicePusher::turn_open() {
  for (unsigned pushed = 0;; ++pushed) {
    const std::uint64_t intended = intended_ns(next_number_);
    if (intended >= end_ns()) return;
    const std::uint64_t now_ns = monotonic_ns();
    if (intended > now_ns) {
      wait_ns_ = std::clamp(intended - now_ns, kLeastWaitNs, kTickNs);
      return;
    }
    wait_ns_ = 0;
    if (pushed == kMostPerTurn) return;
    wait_ns_ = kNoRoomWaitNs;
    const std::uint64_t receivers = groups_.size() == 0 ? 0 : groups_.group(next_group_).receivers;
    last_ = push(intended);
    if (last_ != Outcome::kPushed) {
      blocked_ns_ = now_ns;
      return;
    }
    count_left(receivers, intended, now_ns);
  }
}

// Late by our own doing, or since what was pushed before was in its way.
void ServicePusher::count_left(std::uint64_t receivers, std::uint64_t intended_ns,
                               std::uint64_t now_ns) {
  if (!state_.in_window(intended_ns)) return;
  tally_.lag.record(now_ns - intended_ns);
  const bool held_back = blocked_ns_ >= intended_ns;
  if (held_back) ++tally_.held_back;
  if (!state_.in_window(now_ns) && !held_back) tally_.behind_late += receivers;
}

void ServicePusher::turn_closed() {
  const std::uint64_t most = std::uint64_t{options_.in_flight} * options_.service.fanout;
  for (unsigned pushed = 0;; ++pushed) {
    const std::uint64_t now_ns = monotonic_ns();
    if (now_ns >= end_ns() || groups_.size() == 0) return;
    if (outstanding() + groups_.group(next_group_).receivers > most) {
      wait_ns_ = kPollNs;
      return give_up_lost(now_ns);
    }
    wait_ns_ = 0;
    if (pushed == kMostPerTurn) return;
    wait_ns_ = kNoRoomWaitNs;
    if (push(now_ns) != Outcome::kPushed) return;
    progress_ns_ = now_ns;
  }
}

ServicePusher::Outcome ServicePusher::push(std::uint64_t intended_ns) {
  if (groups_.size() == 0) return Outcome::kNobody;
  const PushGroup& group = groups_.group(next_group_);
  const auto packets = groups_.packets(group);
  const bool has_room = std::ranges::all_of(packets, [this](const PushPacket& packet) {
    return links_.has_push_room(packet.link, packet.bytes);
  });
  if (!has_room) return Outcome::kNoRoom;
  groups_.stamp({.sent_ns = intended_ns, .number = static_cast<std::uint32_t>(next_number_)});
  for (const PushPacket& packet : packets) {
    std::uint8_t* const to = links_.room(packet.link, packet.bytes);
    if (to != nullptr) groups_.write(packet, to);
  }
  count(group, intended_ns);
  ++next_number_;
  if (++next_group_ == groups_.size()) next_group_ = 0;
  return Outcome::kPushed;
}

void ServicePusher::count(const PushGroup& group, std::uint64_t intended_ns) {
  sent_.store(sent() + group.receivers, std::memory_order_relaxed);
  if (state_.in_window(intended_ns)) tally_.of(Action::kDelivery).due += group.receivers;
}

// Pushes to a client that has gone never come: without this the loop would stop for good.
void ServicePusher::give_up_lost(std::uint64_t now_ns) {
  const std::uint64_t received = state_.pushes_received.load(std::memory_order_relaxed);
  if (received != seen_received_) {
    seen_received_ = received;
    progress_ns_ = now_ns;
  } else if (now_ns - progress_ns_ >= kGiveUpNs) {
    given_up_ += outstanding();
    progress_ns_ = now_ns;
  }
}

// What was given up may come all the same.
std::uint64_t ServicePusher::outstanding() const noexcept {
  const std::uint64_t done = state_.pushes_received.load(std::memory_order_relaxed) + given_up_;
  return sent() > done ? sent() - done : 0;
}

std::uint64_t ServicePusher::intended_ns(std::uint64_t number) const noexcept {
  return begin_ns_ + static_cast<std::uint64_t>(static_cast<double>(number) * interval_ns_);
}

std::uint64_t ServicePusher::end_ns() const noexcept {
  return std::min(run_end_ns_, state_.window_end_ns.load(std::memory_order_relaxed));
}

void ServicePusher::finish() {
  tally_.deliveries_asked = sent();
  if (begin_ns_ == 0 || !options_.rate) return;
  run_end_ns_ = std::min(run_end_ns_, monotonic_ns());
  rebuild_when_changed();
  for (; intended_ns(next_number_) < end_ns(); ++next_number_) {
    // Whoever would have been there: nobody is left to ask when all links have ended.
    const std::uint64_t receivers =
        groups_.size() == 0 ? 1 : groups_.group(next_number_ % groups_.size()).receivers;
    const bool nobody = groups_.size() == 0 || last_ == Outcome::kNobody;
    const ErrorKind kind = nobody ? ErrorKind::kNoConnection : ErrorKind::kNotSent;
    tally_.errors[static_cast<std::size_t>(kind)] += receivers;
    if (state_.in_window(intended_ns(next_number_))) {
      tally_.never(nobody                      ? Unsent::kNoConnection
                   : last_ == Outcome::kNoRoom ? Unsent::kNoRoom
                                               : Unsent::kBehind) += receivers;
      tally_.of(Action::kDelivery).due += receivers;
      tally_.of(Action::kDelivery).unsent += receivers;
      tally_.of(Action::kDelivery).failed += receivers;
    }
  }
}

}  // namespace ringgate::bench
