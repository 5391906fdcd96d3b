// Worker: when the drain is over, what becomes of what has not come.
#include <algorithm>

#include "benchmarks/ringbench/worker.h"

namespace ringgate::bench {

// The drain is over: what has not come does not come.
void Worker::settle_rest() {
  now_ns_ = monotonic_ns();
  const std::uint64_t begin = state_.window_begin_ns.load(std::memory_order_relaxed);
  for (std::uint32_t index = 0; index < clients_.size(); ++index) {
    settle_login(index);
    settle_messages(clients_[index]);
  }
  for (; !waiting_logins_.empty(); waiting_logins_.pop()) {
    count_unsent(Unsent::kBusy, Action::kLogin, waiting_logins_.front());
  }
  settle_due();
  if (now_ns_ > begin) never_.settle(tally_, now_ns_ - begin);
}

// A client that was sent nothing in the window, since it waited all through it for an answer to
// what was sent before, tells of the window, too: as if that had been due at its begin.
void Worker::settle_messages(Client& client) {
  const std::uint64_t begin = state_.window_begin_ns.load(std::memory_order_relaxed);
  const bool silent = now_ns_ > begin && !client.heard;
  bool waits = false;
  pending_.drain(client.pending, [&](const Pending& message) {
    if (message.mix_step == kKeepAliveStep) return;
    waits = true;
    count_error(ErrorKind::kUnanswered);
    if (!message.counted && !silent) return;
    ActionTally& tally = tally_.of(message.action);
    if (!message.counted) ++tally.due;
    ++tally.failed;
    tally.times.unanswered.record(now_ns_ - std::max(message.intended_ns, begin));
  });
  if (silent && waits) ++tally_.silent;
}

// A login, or a connection's end, that is still waited for: also one that was begun before the
// window, and has held its client since.
void Worker::settle_login(std::uint32_t index) {
  Client& client = clients_[index];
  const std::uint64_t begin = state_.window_begin_ns.load(std::memory_order_relaxed);
  const bool early = !client.cycle_counted;
  const bool under_way = connected(client) && client.state != ClientState::kClosing;
  const bool waits = early ? client.cycle_open && under_way && now_ns_ > begin : true;
  if (!waits) return;
  const auto unanswered = [&](Action action, std::uint64_t since_ns) {
    if (early) ++tally_.of(action).due;
    ++tally_.of(action).failed;
    tally_.of(action).times.unanswered.record(now_ns_ - std::max(since_ns, begin));
  };
  if (early) ++tally_.silent;
  const bool there =
      client.state != ClientState::kConnecting && client.state != ClientState::kUpgrading;
  if (!there) unanswered(Action::kConnect, connect_ns_[index]);
  if (client.login_counted || early) unanswered(Action::kLogin, client.began_ns);
  unanswered(Action::kCycle, client.began_ns);
  count_error(ErrorKind::kUnanswered);
  client.login_counted = client.cycle_counted = client.cycle_open = false;
}

// What was due in the window and has not left even now.
void Worker::settle_due() {
  const std::uint64_t end = state_.window_end_ns.load(std::memory_order_relaxed);
  for (std::uint64_t due = schedule_.next_ns(); due < end; due = schedule_.next_ns()) {
    schedule_.advance();
    const bool login = options_.scenario == Scenario::kLogin;
    count_unsent(Unsent::kBehind, login ? Action::kLogin : steps_[pick_step()].action, due);
  }
}

}  // namespace ringgate::bench
