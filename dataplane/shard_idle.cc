// Shard: clients that say nothing for a while. A receive that waits holds 864 bytes of kernel
// memory and a poll 256, so an idle client is waited for by a poll:
//
//   multishot receive ──silent: cancelled──▶ poll ──fires──▶ one receive
//            ▲                                 ▲                  │
//            │                                 └─ had been silent ┤
//            └──────────────────── busy again ────────────────────┘
//
// Of receive and poll one is armed at a time, and the next only when the last completion of the one
// before has been read. So a cancel by tag, submitted while a receive is armed, can meet no other.
#include "dataplane/check.h"
#include "dataplane/shard.h"
#include "dataplane/silence.h"

namespace ringgate {

bool Shard::silent_for_long(const Connection& connection) const noexcept {
  const std::uint32_t silence_ms = silent_ms(connection, now_ms());
  return options_.poll_after_ms != 0 && silence_ms >= options_.poll_after_ms;
}

// The receive's last completion arms the poll. Should data have come meanwhile, it is taken first:
// a client that speaks so rarely is polled again.
void Shard::give_up_receive(Connection& connection) {
  constexpr auto kOps = Connection::kRecvOp | Connection::kCancelOp;
  const bool receives = (connection.ops & kOps) == Connection::kRecvOp;
  if (connection.role != Role::kClient || connection.stage != Stage::kFrames) return;
  if (!connection.open() || !receives || connection.idle) return;
  if (connection.collects() || connection.read_paused || polls_left_ == 0) return;
  --polls_left_;
  connection.idle = true;
  connection.ops |= Connection::kCancelOp;
  counters_.add(Counter::kIdlePolls);
  ring_->cancel(tag(OpKind::kRecv, connection), tag(OpKind::kCancel, connection));
}

void Shard::arm_poll(Connection& connection) {
  connection.ops |= Connection::kPollOp;
  counters_.change(Gauge::kPolled, 1);
  ring_->poll(connection.file(), tag(OpKind::kPoll, connection));
}

// Whatever it says (data, the end, a reset, an error of its own): the receive's result speaks.
void Shard::on_poll(OpTag tag) {
  Connection* const connection = table_.find({tag.slot, tag.generation});
  RINGGATE_CHECK(connection != nullptr);  // a slot with a poll in flight is never reused
  connection->ops = static_cast<std::uint8_t>(connection->ops & ~Connection::kPollOp);
  counters_.change(Gauge::kPolled, -1);
  if (may_read(*connection)) {
    connection->idle = silent_for_long(*connection);  // decides what comes after this receive
    connection->ops |= Connection::kRecvOp;
    ring_->recv(connection->file(), group_of(connection->role),
                this->tag(OpKind::kRecv, *connection));
  }
  try_close(*connection);
}

}  // namespace ringgate
