// Shard: bytes out, and the end of a connection.
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "dataplane/check.h"
#include "dataplane/completion_result.h"
#include "dataplane/shard.h"

namespace ringgate {
namespace {

using CloseWords = std::array<char, kMaxWsCloseReasonBytes>;

// As much of it as there is room for.
std::string_view join(CloseWords& words, std::string_view name, std::string_view more) {
  const std::size_t name_bytes = std::min(name.size(), words.size());
  const std::size_t more_bytes = std::min(more.size(), words.size() - name_bytes);
  std::copy_n(name.begin(), name_bytes, words.begin());
  std::copy_n(more.begin(), more_bytes, words.begin() + static_cast<std::ptrdiff_t>(name_bytes));
  return {words.data(), name_bytes + more_bytes};
}

}  // namespace

std::uint8_t* Shard::reserve(Connection& connection, std::size_t bytes, Why why) {
  RINGGATE_ON_THREAD(thread_);
  if (!may_queue(connection, bytes, why)) return nullptr;
  std::uint8_t* const to =
      connection.output.reserve(pool_, bytes, limits(connection).first_piece_bytes);
  if (to == nullptr && connection.role == Role::kClient) [[unlikely]]
    abort(connection, CloseReason::kNoMemory);
  return to;
}

// With its queue as it is; one that may is on the list of those that send.
bool Shard::may_queue(Connection& connection, std::size_t bytes, Why why) {
  if (!connection.open()) return false;
  const RoleLimits& bounds = limits(connection);
  // One packet may take a client past its bound, and a long one does not count while it is being
  // sent: a single large answer is no slow consumer, nor is the pong or push that comes behind it.
  // A link's sender has another answer (300), so its bound is exact.
  const SendQueue& output = connection.output;
  const std::size_t most = bounds.max_queued_bytes;
  const bool full = connection.role == Role::kClient
                        ? output.queued_bytes() >= most && output.bytes_beside_a_long_one() >= most
                        : output.queued_bytes() + bytes > most;
  if (full && !has_room_for_answers(connection, bytes, why)) [[unlikely]] {
    if (connection.role == Role::kClient && !ending(connection)) {
      abort(connection, CloseReason::kSlowConsumer);
    }
    return false;
  }
  mark_dirty(connection);
  return true;
}

std::uint8_t* Shard::reserve_frame(Connection& connection, Opcode opcode, std::size_t payload_bytes,
                                   Why why) {
  const std::size_t head = frame_head_bytes(connection.transport, payload_bytes);
  std::uint8_t* const to = reserve(connection, head + payload_bytes, why);
  if (to == nullptr) return nullptr;
  return write_frame_head(to, connection.transport, opcode, payload_bytes);
}

bool Shard::append_shared(Connection& connection, ByteView head, SharedBlock* block) {
  RINGGATE_ON_THREAD(thread_);
  if (!may_queue(connection, head.size(), Why::kPushed)) return false;
  const std::size_t first_bytes = limits(connection).first_piece_bytes;
  if (connection.output.append_shared(pool_, head, first_bytes, block)) [[likely]]
    return true;
  if (connection.role == Role::kClient) abort(connection, CloseReason::kNoMemory);
  return false;
}

void Shard::mark_dirty(Connection& connection) {
  if (connection.dirty) return;
  connection.dirty = true;
  dirty_.push_back(connection.slot);
}

// One send per connection that has something to say.
void Shard::send_dirty() {
  for (std::size_t i = 0; i < dirty_.size(); ++i) {
    Connection* const connection = table_.at(dirty_[i]);
    if (connection == nullptr || !connection->dirty) continue;
    connection->dirty = false;
    if ((connection->ops & Connection::kSendOp) != 0) continue;  // its completion goes on
    if (connection->phase != Phase::kOpen && connection->phase != Phase::kFlushing) continue;
    if (connection->secured) [[unlikely]] {
      send_sealed(*connection);
    } else if (!connection->output.empty()) {
      start_send(*connection);
    } else if (connection->phase == Phase::kFlushing) {
      begin_linger(*connection);
    }
  }
  dirty_.clear();
}

void Shard::tell_when_sent(Connection& connection) noexcept {
  RINGGATE_ON_THREAD(thread_);
  connection.tell_sent = true;
}

void Shard::start_send(Connection& connection) {
  std::array<iovec, Ring::kMaxPieces> pieces;
  const std::size_t count = connection.output.start_send(pieces);
  const std::uint64_t send_tag = tag(OpKind::kSend, connection);
  if (count == 1) {
    ring_->send(connection.file(), static_cast<const std::uint8_t*>(pieces[0].iov_base),
                pieces[0].iov_len, send_tag);
  } else {
    ring_->send_gather(connection.file(), std::span(pieces).first(count), send_tag);
  }
  begin_send(connection);
}

void Shard::begin_send(Connection& connection) {
  ++sends_under_way_;
  connection.ops |= Connection::kSendOp;
  connection.send_begins(now_ms(), now_us());
}

void Shard::on_send(const Completion& completion, OpTag tag) {
  Connection* const connection = table_.find({tag.slot, tag.generation});
  RINGGATE_CHECK(connection != nullptr);  // a slot with a send in flight is never reused
  connection->ops = static_cast<std::uint8_t>(connection->ops & ~Connection::kSendOp);
  --sends_under_way_;
  const auto sent = static_cast<std::size_t>(std::max(completion.result, 0));
  if (connection->secured) [[unlikely]] {
    sent_sealed(*connection, sent);
  } else {
    connection->output.complete_send(pool_, sent);
  }
  const bool flushes = connection->phase == Phase::kFlushing;
  const ResultMeaning meaning = meaning_of(completion.result);
  if (meaning == ResultMeaning::kCancelled && (connection->open() || flushes)) [[unlikely]] {
    // The sweep has asked how far it is: nowhere. It goes on, and is as late as it was.
    const std::uint32_t waits_since_ms = connection->last_write_ms;
    connection->secured ? send_sealed(*connection) : start_send(*connection);
    connection->last_write_ms = waits_since_ms;
    return;
  }
  if (flushes && sent > 0) set_deadline(*connection, options_.write_timeout_ms);
  if (connection->full) [[unlikely]]
    has_sent_answers(*connection, sent);
  counters_.add(Counter::kSends);
  counters_.record(Distribution::kSend, connection->sent_after_us(now_ms(), now_us()));
  counters_.add(Counter::kBytesOut, sent);
  if (connection->tell_sent && connection->output.empty()) [[unlikely]] {
    connection->tell_sent = false;
    if (connection->open()) handler_.on_sent(*connection);
  }
  if (meaning != ResultMeaning::kDone && meaning != ResultMeaning::kAgain) {
    abort(*connection, meaning == ResultMeaning::kTimedOut ? CloseReason::kWriteTimeout
                                                           : CloseReason::kSendFailed);
  } else if (!connection->output.empty() || connection->phase == Phase::kFlushing) {
    mark_dirty(*connection);
  }
  try_close(*connection);
}

void Shard::queue_frame(Connection& connection, Opcode opcode, ByteView payload, Why why) {
  std::uint8_t* const to = reserve_frame(connection, opcode, payload.size(), why);
  if (to != nullptr && !payload.empty()) std::memcpy(to, payload.data(), payload.size());
}

void Shard::finish(Connection& connection, CloseReason reason) {
  finish(connection, reason, describe(reason, names()).code);
}

void Shard::finish(Connection& connection, CloseReason reason, std::string_view more) {
  finish(connection, reason, describe(reason, names()).code, more);
}

void Shard::finish(Connection& connection, CloseReason reason, WsCloseCode code,
                   std::string_view more) {
  RINGGATE_ON_THREAD(thread_);
  if (!connection.open() || ending(connection)) return;
  leave_open(connection, reason);
  queue_close(connection, reason, code, more);
  connection.phase = Phase::kFlushing;  // from here on nothing more can be appended
  set_deadline(connection, options_.write_timeout_ms);
  mark_dirty(connection);
  if (connection.read_paused) resume_reading(connection);  // to throw it away, and to see the end
}

// A close frame is answered with one: of the same code, and on TCP empty. Clients that are closed
// are told why; a peer that has gone needs no telling, one that has not got to frames would not
// understand, and links are closed bare. Where the queue is full it is left out.
void Shard::queue_close(Connection& connection, CloseReason reason, WsCloseCode code,
                        std::string_view more) {
  const bool answer = reason == CloseReason::kPeerCloseFrame;
  if (connection.stage != Stage::kFrames || reason == CloseReason::kPeerClosed) return;
  if (connection.role != Role::kClient && !answer) return;
  CloseWords words;
  const std::string_view why =
      answer ? std::string_view() : join(words, describe(reason, names()).name, more);
  if (connection.transport == Transport::kTcp) {
    queue_frame(connection, Opcode::kClose, as_bytes(why));
    return;
  }
  std::array<std::uint8_t, kMaxWsCloseFrameBytes> frame;
  const std::uint8_t* const end = write_ws_close_frame(frame.data(), code, why);
  const auto bytes = static_cast<std::size_t>(end - frame.data());
  std::uint8_t* const to = reserve(connection, bytes);
  if (to != nullptr) std::memcpy(to, frame.data(), bytes);
}

void Shard::abort(Connection& connection, CloseReason reason) {
  RINGGATE_ON_THREAD(thread_);
  if (connection.phase == Phase::kClosing || connection.phase == Phase::kClosed) return;
  if (ending(connection)) return;
  if (connection.open()) leave_open(connection, reason);
  begin_closing(connection);
}

// The connection stays open during the call, so that the handler can append to it.
void Shard::leave_open(Connection& connection, CloseReason reason) {
  connection.reason = reason;
  if (connection.full) is_no_longer_full(connection);
  handler_.on_close(connection, reason);
  connection.forget_user();
}

void Shard::begin_linger(Connection& connection) {
  if (connection.saw_eof) {
    begin_closing(connection);
    return;
  }
  connection.phase = Phase::kLingering;
  set_deadline(connection, options_.linger_ms);
  connection.ops |= Connection::kShutdownOp;
  ring_->shutdown(connection.file(), SHUT_WR, tag(OpKind::kShutdown, connection));
  if (!connection.reading()) resume_reading(connection);  // to see the end
}

void Shard::begin_closing(Connection& connection) {
  connection.phase = Phase::kClosing;
  let_the_kernel_judge(connection);  // what it holds outlives the connection
  set_deadline(connection, options_.linger_ms);
  const bool waits = connection.reading() || (connection.ops & Connection::kSendOp) != 0;
  if (waits && (connection.ops & Connection::kShutdownOp) == 0) {
    connection.ops |= Connection::kShutdownOp;
    ring_->shutdown(connection.file(), SHUT_RDWR, tag(OpKind::kShutdown, connection));
  }
  try_close(connection);
}

void Shard::try_close(Connection& connection) {
  if (connection.phase != Phase::kClosing || connection.ops != 0) return;
  connection.phase = Phase::kClosed;
  connection.ops = Connection::kCloseOp;
  ring_->close(connection.file(), tag(OpKind::kClose, connection));
}

void Shard::free_slot(Connection& connection) {
  const CloseReason reason = connection.reason;
  if (reason == CloseReason::kPeerClosed || reason == CloseReason::kPeerReset) {
    give_accept_back(connection);
  }
  counters_.add(Counter::kClosed);
  counters_.add_closed(connection.reason);
  if (connection.secured) forget_tls(connection);
  connection.output.clear(pool_);
  connection.carry.clear(pool_);
  counters_.change(connection.role == Role::kClient ? Gauge::kClients : Gauge::kLinks, -1);
  forget_client(connection);
  if (connection.role == Role::kClient && connection.reason != CloseReason::kTooManyFromAddress) {
    forget_source(connection.peer);
  }
  table_.release(connection);
}

}  // namespace ringgate
