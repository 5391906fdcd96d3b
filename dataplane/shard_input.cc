// Shard: bytes in. A receive's buffer is parsed in place and goes back to the ring at the end of
// the batch; only the start of an incomplete frame is copied.
#include <cstring>

#include "codec/packet.h"
#include "codec/proxy_protocol.h"
#include "dataplane/completion_result.h"
#include "dataplane/shard.h"

namespace ringgate {
namespace {

// Where the kernel has given up on what the peer does not acknowledge, the send in flight may be
// told of it first, and then the receive sees an end as if the peer had said it.
bool has_taken_nothing_for_long(const Connection& connection, std::uint32_t now_ms,
                                std::uint32_t write_timeout_ms) noexcept {
  const bool sends = (connection.ops & Connection::kSendOp) != 0;
  return sends && connection.open() && now_ms - connection.last_write_ms >= write_timeout_ms / 2;
}

}  // namespace

void Shard::on_recv(const Completion& completion, OpTag tag) {
  const BufferGroup group =
      table_.is_client_slot(tag.slot) ? BufferGroup::kClients : BufferGroup::kLinks;
  Connection* const connection = table_.find({tag.slot, tag.generation});
  if (connection != nullptr) {
    if (!completion.more) {
      connection->ops = static_cast<std::uint8_t>(connection->ops & ~Connection::kRecvOp);
    }
    if (completion.result > 0) {
      counters_.add(Counter::kReceives);
      counters_.add(Counter::kBytesIn, static_cast<std::uint64_t>(completion.result));
      note_read(*connection);
      connection->pinged = false;
      connection->spoke = true;
      if (connection->open()) {
        const MutableBytes data = ring_->received(group, completion);
        const std::uint32_t before = frames_;
        if (connection->secured) [[unlikely]] {
          on_sealed(*connection, data);
        } else {
          on_plain(*connection, data);
        }
        if (options_.limits_clients()) [[unlikely]]
          spend(*connection, frames_ - before, data.size());
      }
    }
  }
  if (completion.has_buffer) ring_->recycle(group, completion.buffer_id);
  if (connection == nullptr || completion.more) return;

  if (completion.result == 0) {
    if (has_taken_nothing_for_long(*connection, now_ms(), options_.write_timeout_ms)) {
      abort(*connection, CloseReason::kWriteTimeout);
      return try_close(*connection);
    }
    connection->saw_eof = true;
    if (connection->phase == Phase::kLingering) begin_closing(*connection);
    peer_ended(*connection);
  } else {
    receive_ended(*connection, completion.result);
  }
  try_close(*connection);
}

// Not by the peer's end.
void Shard::receive_ended(Connection& connection, std::int32_t result) {
  const ResultMeaning meaning = meaning_of(result);
  switch (meaning) {
    case ResultMeaning::kNoBuffers:
      counters_.add(Counter::kBuffersExhausted);
      [[fallthrough]];
    case ResultMeaning::kDone:
    case ResultMeaning::kAgain:
    case ResultMeaning::kCancelled:  // on purpose: reading is paused, or the client is idle
      want_rearm(connection);        // which sees to it
      return;
    case ResultMeaning::kNoMemory:
    case ResultMeaning::kNoFiles:
    case ResultMeaning::kPeerGone:
    case ResultMeaning::kTimedOut:
    case ResultMeaning::kFailed:
      break;
  }
  if (connection.open() && connection.collects() && connection.carry.size > 0) {
    connection.saw_eof = true;  // what it had sent is still to be handled
  } else {
    abort(connection, meaning == ResultMeaning::kTimedOut ? CloseReason::kWriteTimeout
                                                          : CloseReason::kPeerReset);
  }
}

// Nothing more will come. What waits, because input is collected or is just being parsed, comes
// first: go_on() asks again.
void Shard::peer_ended(Connection& connection) {
  if (!connection.saw_eof || !connection.open()) return;
  if (connection.collects() || connection.parsing) return;
  if (connection.secured && waits_for_step(connection)) return;  // which asks again
  if (handler_.on_peer_end(connection)) finish(connection, CloseReason::kPeerClosed);
}

// Frames, or what comes before them; of TLS what was in its records.
void Shard::on_plain(Connection& connection, MutableBytes data) {
  if (connection.collects()) {
    keep(connection, data);
    return;
  }
  connection.parsing = true;
  if (connection.carry.size > 0) complete_carry(connection, data);
  if (connection.open() && !connection.collects()) {
    data = data.subspan(parse_share(connection, data));
  }
  connection.parsing = false;
  if (connection.open() && !data.empty()) keep(connection, data);
}

// A frame has begun in an earlier receive: takes from `data` just what completes it.
void Shard::complete_carry(Connection& connection, MutableBytes& data) {
  Carry& carry = connection.carry;
  while (carry.size > 0 && !data.empty() && connection.open() && !connection.collects()) {
    const std::size_t taken = std::min(missing(connection), data.size());
    if (!carry.append(pool_, data.first(taken))) return abort(connection, CloseReason::kNoMemory);
    data = data.subspan(taken);
    carry.drop_front(pool_, parse_share(connection, carry.bytes()));
  }
}

// Of what the carry begins with.
std::size_t Shard::missing(const Connection& connection) const {
  const ByteView start = connection.carry.view();
  const std::size_t most = limits(connection).max_frame_bytes;
  std::size_t need = 0;
  if (connection.stage == Stage::kProxyHeader) {
    need = parse_proxy_header(start, options_.max_proxy_header_bytes).need;
  } else if (connection.transport == Transport::kWebSocket) {
    need = next_ws_frame(start, connection.message.rules(most)).need;
  } else {
    need = next_tcp_frame(start, most).need;
  }
  // Nothing where a reload lowered the bound below what has begun: parse() refuses it.
  return need > start.size() ? need - start.size() : 0;
}

// What is whole at the front of `input`; the number of bytes used.
std::size_t Shard::parse(Connection& connection, MutableBytes input) {
  std::size_t used = 0;
  if (connection.stage != Stage::kFrames) [[unlikely]]
    used = parse_opening(connection, input);
  if (connection.stage == Stage::kFrames) {
    const MutableBytes frames = input.subspan(used);
    used += connection.transport == Transport::kTcp ? parse_tcp(connection, frames)
                                                    : parse_ws(connection, frames);
  }
  return connection.open() ? used : input.size();
}

std::size_t Shard::parse_tcp(Connection& connection, ByteView input) {
  const std::size_t most = limits(connection).max_frame_bytes;
  std::size_t used = 0;
  while (used < input.size() && share_ > 0 && connection.open() && !connection.held) {
    const FrameStep step = next_tcp_frame(input.subspan(used), most);
    if (step.status == FrameStatus::kFrame) {
      used += step.consumed;
      count_frame();
      on_tcp_frame(connection, step.frame);
    } else if (step.status == FrameStatus::kNeedMore) {
      break;
    } else {
      finish(connection, step.status == FrameStatus::kTooLong ? CloseReason::kFrameTooLong
                                                              : CloseReason::kBadFrame);
    }
  }
  return used;
}

void Shard::on_tcp_frame(Connection& connection, const Frame& frame) {
  switch (frame.opcode) {
    case Opcode::kBinary:
      on_binary(connection, frame.payload);
      return;
    case Opcode::kPing:
      counters_.add(Counter::kPings);
      connection.count_ping();
      queue_frame(connection, Opcode::kPong, frame.payload, Why::kAsked);
      return;
    case Opcode::kPong:
      return;
    case Opcode::kClose:
      finish(connection, CloseReason::kPeerCloseFrame);
      return;
    case Opcode::kContinuation:
    case Opcode::kText:
      break;  // packets travel only in binary frames
  }
  finish(connection, CloseReason::kBadFrame);
}

// A packet of either transport.
void Shard::on_binary(Connection& connection, ByteView payload) {
  constexpr std::size_t kPacket = kTcpFrameHeadBytes;
  if (payload.size() == kTcpPing.size() - kPacket &&
      std::memcmp(payload.data(), kTcpPing.data() + kPacket, payload.size()) == 0) {
    counters_.add(Counter::kPings);
    connection.count_ping();
    const ByteView pong =
        connection.transport == Transport::kTcp ? ByteView(kTcpPong) : ByteView(kWsPong);
    std::uint8_t* const to = reserve(connection, pong.size(), Why::kAsked);
    if (to != nullptr) std::memcpy(to, pong.data(), pong.size());
    return;
  }
  share_ -= kPacketShare;
  handler_.on_packet(connection, payload);
}

// Collects what cannot be parsed yet.
void Shard::keep(Connection& connection, ByteView rest) {
  if (!connection.carry.append(pool_, rest)) return abort(connection, CloseReason::kNoMemory);
  const bool may_hold = connection.held || connection.role == Role::kLink;
  const std::size_t most = may_hold ? options_.max_held_bytes : kMostDeferredBytes;
  if (connection.collects() && connection.carry.size >= most) {
    pause_reading(connection);
  }
}

void Shard::pause_reading(Connection& connection) {
  if (connection.read_paused) return;
  counters_.add(Counter::kReadPaused);
  stop_reading(connection);
}

void Shard::stop_reading(Connection& connection) {
  connection.read_paused = true;
  if ((connection.ops & (Connection::kRecvOp | Connection::kCancelOp)) == Connection::kRecvOp) {
    ring_->cancel(tag(OpKind::kRecv, connection), tag(OpKind::kCancel, connection));
    connection.ops |= Connection::kCancelOp;
  }
}

void Shard::release_input(Connection& connection) {
  RINGGATE_ON_THREAD(thread_);
  connection.held = false;
  go_on(connection);
}

void Shard::resume_reading(Connection& connection) {
  connection.read_paused = false;
  want_rearm(connection);
}

void Shard::want_rearm(Connection& connection) {
  if (connection.wants_rearm) return;
  connection.wants_rearm = true;
  rearm_.push_back(connection.slot);
}

void Shard::arm_recv(Connection& connection) {
  connection.ops |= Connection::kRecvOp;
  connection.looked = false;
  ring_->recv_multishot(connection.file(), group_of(connection.role),
                        tag(OpKind::kRecv, connection));
}

// What comes after the open phase is thrown away, but its end has to be seen.
bool Shard::may_read(const Connection& connection) noexcept {
  const bool wanted = connection.phase == Phase::kOpen || connection.phase == Phase::kFlushing ||
                      connection.phase == Phase::kLingering;
  return wanted && !connection.read_paused && !connection.saw_eof;
}

// At the end of the batch, when its buffers have come back.
void Shard::rearm_receives() {
  if (rearm_.empty()) return;
  ring_->publish_buffers();
  std::size_t kept = 0;
  for (const std::uint32_t slot : rearm_) {
    Connection* const connection = table_.at(slot);
    if (connection == nullptr || !connection->wants_rearm) continue;
    if ((connection->ops & Connection::kRecvOp) != 0) {
      rearm_[kept++] = slot;  // a cancelled receive is still on its way out
      continue;
    }
    connection->wants_rearm = false;
    // One that is polled may have been full meanwhile: its poll stays, and arms the receive.
    if (connection->reading() || !may_read(*connection)) continue;
    if (connection->idle) {
      arm_poll(*connection);
    } else {
      arm_recv(*connection);
    }
  }
  rearm_.resize(kept);
}

}  // namespace ringgate
