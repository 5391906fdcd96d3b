// Shard: what happens by time. A part of the table is looked at every sweep_ms; there are no timers
// per connection.
#include <algorithm>

#include "dataplane/check.h"
#include "dataplane/completion_result.h"
#include "dataplane/memory_reserve.h"
#include "dataplane/shard.h"
#include "dataplane/silence.h"

namespace ringgate {

namespace {

// Half of what is too much each time: a burst's receive buffers are back within a minute.
constexpr std::uint32_t kTrimEveryMs = 10'000;
// With the pool's own bounds: 16 MB a second at most, of what was free for ten.
constexpr std::uint32_t kTrimPoolEveryMs = 1'000;
// A send is asked how far it is each time that this part of the write timeout has passed.
constexpr std::uint32_t kWriteTimeoutParts = 4;
// And from so early on nobody but the sweep says that it takes too long.
constexpr std::uint32_t kSlowSendParts = 16;
constexpr std::uint32_t kUnlimited = 0;  // of TCP_USER_TIMEOUT: as the system has it

bool sends_on(const Connection& connection) noexcept {
  constexpr auto kOps = Connection::kSendOp | Connection::kCancelOp;
  const bool goes_on = connection.open() || connection.phase == Phase::kFlushing;
  return goes_on && (connection.ops & kOps) == Connection::kSendOp;
}

}  // namespace

void Shard::sweep() {
  next_sweep_ms_ = Clock::deadline(now_ms(), options_.sweep_ms);
  polls_left_ = options_.polls_per_sweep;
  looks_left_ = options_.looks_per_sweep;
  const std::uint32_t clients = table_.client_high_water();
  const std::uint32_t part = clients / std::max(options_.sweep_parts, 1u) + 1;
  for (std::uint32_t i = 0; i < std::min(part, clients); ++i) {
    sweep_cursor_ = sweep_cursor_ + 1 < clients ? sweep_cursor_ + 1 : 0;
    if (Connection* const connection = table_.at(sweep_cursor_); connection != nullptr) {
      sweep_one(*connection);
    }
  }
  std::uint64_t link_queued_bytes = 0;
  table_.for_each_link([&](Connection& connection) {
    link_queued_bytes += connection.output.queued_bytes();
    sweep_one(connection);
  });
  counters_.set(Gauge::kLinkQueuedBytes, link_queued_bytes);
  release_throttled();
  memory_reserve::refill();
  acceptor_.sweep(ring_.get(), room(), counters_);
  if (Clock::passed(now_ms(), next_trim_ms_)) {
    next_trim_ms_ = Clock::deadline(now_ms(), kTrimEveryMs);
    ring_->trim_buffers();
    sender_.trim();
  }
  if (Clock::passed(now_ms(), next_pool_trim_ms_)) {
    next_pool_trim_ms_ = Clock::deadline(now_ms(), kTrimPoolEveryMs);
    pool_.trim();
    table_.trim();
  }
  counters_.set(Gauge::kMailboxBytes, sender_.mailbox_bytes());
  counters_.set(Gauge::kReceiveBufferBytes, ring_->buffer_bytes());
  if (!wake_armed_) arm_wake();
  counters_.set(Gauge::kListenersClosed, acceptor_.closed());
  counters_.set(Gauge::kPoolReservedBytes, pool_.reserved_bytes());
  counters_.set(Gauge::kPoolUsedBytes, pool_.used_bytes());
  handler_.on_tick();
}

// An answer counts as a byte from the client, so that one that is there is not idle.
void Shard::ping(Connection& connection) {
  if (connection.transport != Transport::kWebSocket || connection.stage != Stage::kFrames) return;
  if (connection.pinged) return;
  connection.pinged = true;
  queue_frame(connection, Opcode::kPing, {});
}

// The kernel ends a connection, too, when the peer has taken nothing for the write timeout. Where
// the peer's window is shorter than what is to be sent next, Linux sends what fits by its window
// probes, and counts from the first of them on, however much is acknowledged meanwhile
// (tcp_timer.c, icsk_probes_tstamp; 6.18). So who is slow is judged by the sweep, and by the kernel
// again when it has had as long for the last of it.
void Shard::judge_alone(Connection& connection, bool sending) {
  const bool goes_on = connection.open() || connection.phase == Phase::kFlushing;
  if (connection.role != Role::kClient || !goes_on) return;
  const std::uint32_t since_ms = now_ms() - connection.last_write_ms;
  if (sending && !connection.unhurried && since_ms > options_.write_timeout_ms / kSlowSendParts) {
    connection.unhurried = true;
    ring_->set_user_timeout(connection.file(), kUnlimited, tag(OpKind::kOption, connection));
  } else if (!sending && connection.unhurried && since_ms > options_.write_timeout_ms) {
    let_the_kernel_judge(connection);
  }
}

void Shard::let_the_kernel_judge(Connection& connection) {
  if (!connection.unhurried) return;
  connection.unhurried = false;
  ring_->set_user_timeout(connection.file(), options_.write_timeout_ms,
                          tag(OpKind::kOption, connection));
}

void Shard::sweep_one(Connection& connection) {
  const bool sending = (connection.ops & Connection::kSendOp) != 0;
  const std::uint32_t waits_ms = sending ? now_ms() - connection.last_write_ms : 0;
  judge_alone(connection, sending);
  if (waits_ms > options_.write_timeout_ms) {
    abort(connection, CloseReason::kWriteTimeout);
  } else if (waits_ms > options_.write_timeout_ms / kWriteTimeoutParts && sends_on(connection)) {
    // A send that is cancelled tells how much of it has been taken, and the next one takes the
    // rest. Left alone, a megabyte for a slow line is in flight for longer than the peer is slow to
    // take.
    connection.ops |= Connection::kCancelOp;
    ring_->cancel(tag(OpKind::kSend, connection), tag(OpKind::kCancel, connection));
  }
  const bool late = connection.deadline_ms != 0 && Clock::passed(now_ms(), connection.deadline_ms);
  if (late) connection.deadline_ms = 0;
  switch (connection.phase) {
    case Phase::kOpen:
      sweep_open(connection, late);
      return;
    case Phase::kFlushing:
    case Phase::kLingering:
      if (late) begin_closing(connection);
      return;
    case Phase::kClosing:
      if (late) cancel_what_hangs(connection);
      return;
    case Phase::kClosed:
    case Phase::kFree:
      return;
  }
}

void Shard::sweep_open(Connection& connection, bool late) {
  if (connection.full) {  // we do not read: it is judged by what it takes
    if (late) handler_.on_deadline(connection);
    return;
  }
  const std::uint32_t most_ms = limits(connection).read_timeout_ms;
  const std::uint32_t silence_ms = silent_ms(connection, now_ms());
  if (most_ms != 0 && silence_ms > most_ms) {
    finish(connection, CloseReason::kIdleTimeout);
    return;
  }
  if (late) {
    handler_.on_deadline(connection);
  } else if (options_.ws_ping_after_ms != 0 && silence_ms > options_.ws_ping_after_ms) {
    ping(connection);
  }
  if (silent_for_long(connection)) give_up_receive(connection);
  if (!connection.looked && silent_for_a_sweep(connection)) look(connection);
}

bool Shard::silent_for_a_sweep(const Connection& connection) const noexcept {
  return silent_ms(connection, now_ms()) >= options_.sweep_ms * options_.sweep_parts;
}

// Where bytes and a reset are both there when a multishot receive is armed (they came before the
// accept, or while it had ended for lack of buffers), it takes the bytes and is never told of the
// reset; one that was armed before them is. So who falls silent is looked at once for each arming.
// A poll needs no look: it is armed anew after each receive, and says what the socket is then.
void Shard::look(Connection& connection) {
  constexpr auto kOps = Connection::kRecvOp | Connection::kCancelOp | Connection::kLookOp;
  if ((connection.ops & kOps) != Connection::kRecvOp || looks_left_ == 0) return;
  if (connection.collects()) return;  // what it sent before it went is to be handled first
  --looks_left_;
  connection.looked = true;
  connection.ops |= Connection::kLookOp;
  ring_->look(connection.file(), tag(OpKind::kLook, connection));
}

void Shard::on_look(const Completion& completion, OpTag tag) {
  Connection* const connection = table_.find({tag.slot, tag.generation});
  RINGGATE_CHECK(connection != nullptr);  // a slot with a look in flight is never reused
  connection->ops = static_cast<std::uint8_t>(connection->ops & ~Connection::kLookOp);
  if (connection->collects() || completion.result > 0) {
    // Again, when it no longer is, or when the receive has taken what is there: where many came at
    // once, the kernel may get to a look before it gets to the receive, which was armed earlier.
    connection->looked = false;
  } else if (const ResultMeaning meaning = meaning_of(completion.result);
             meaning == ResultMeaning::kTimedOut) {
    abort(*connection, CloseReason::kWriteTimeout);
  } else if (meaning == ResultMeaning::kPeerGone) {
    counters_.add(Counter::kResetsFound);
    abort(*connection, CloseReason::kPeerReset);
  }  // else it is alive, or its receive tells
  try_close(*connection);
}

// A shutdown ends every operation; should one hang on, it is cancelled by its own tag.
void Shard::cancel_what_hangs(Connection& connection) {
  set_deadline(connection, options_.linger_ms);
  if ((connection.ops & Connection::kCancelOp) != 0) return;
  OpKind kind = OpKind::kSend;
  if ((connection.ops & Connection::kRecvOp) != 0) kind = OpKind::kRecv;
  if ((connection.ops & Connection::kPollOp) != 0) kind = OpKind::kPoll;
  connection.ops |= Connection::kCancelOp;
  ring_->cancel(tag(kind, connection), tag(OpKind::kCancel, connection));
}

}  // namespace ringgate
