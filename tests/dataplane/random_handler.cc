#include <algorithm>
#include <cstring>

#include "tests/dataplane/session_script.h"

namespace ringgate::test {

void RandomHandler::open(Connection& connection, std::uint32_t peer) {
  Session& fresh = sessions_[peer];
  EXPECT_EQ(fresh.peer, 0U) << "accepted twice";
  fresh.peer = peer;
  connection.set_user(fresh);
  open_.push_back(&connection);
}

void RandomHandler::on_accept(Connection& connection) {
  open(connection, connection.peer.port());
  if (random_.one_in(20)) {
    end_one(connection);
  } else if (random_.one_in(10)) {
    append(connection, kPush, 0, random_.size(500));
  }
}

void RandomHandler::on_adopt(Connection& connection, const AdoptedFor& what) {
  open(connection, static_cast<std::uint32_t>(what.subject));
}

void RandomHandler::on_packet(Connection& connection, ByteView payload) {
  Session& its = session(connection);
  EXPECT_FALSE(its.held) << "a packet of a held connection";
  EXPECT_EQ(its.closes, 0) << "a packet after the close";
  ASSERT_GE(payload.size(), 8U);
  const auto number = load_be<std::uint32_t>(payload.data() + 4);
  EXPECT_EQ(load_be<std::uint32_t>(payload.data()), its.peer);
  EXPECT_GE(number, its.next_packet) << "out of order";
  its.next_packet = number + 1;
  for (std::size_t i = 8; i < payload.size(); ++i) {
    ASSERT_EQ(payload[i], filler_byte(its.peer, number, i));
  }
  append(connection, kAnswer, number, random_.size(3000));
  if (!connection.open() || calm_) return;
  switch (random_.below(20)) {
    case 0:
      hold(connection);
      return;
    case 1:
    case 2:
      push_shared();
      return;
    case 3:
      if (Connection* const other = any(); other != nullptr) {
        append(*other, kPush, 0, random_.size(3000));
      }
      return;
    case 4:
      if (random_.one_in(3)) end_one(connection);
      return;
    case 5:
      if (Connection* const other = any(); other != nullptr && random_.one_in(3)) end_one(*other);
      return;
    default:
      return;
  }
}

void RandomHandler::hold(Connection& connection) {
  shard_->hold_input(connection);
  if (random_.one_in(4)) {  // and at once let go
    shard_->release_input(connection);
    return;
  }
  session(connection).held = true;
  if (random_.one_in(2)) {
    shard_->set_deadline(connection, static_cast<std::uint32_t>(random_.between(1, 300)));
  }
}

void RandomHandler::on_deadline(Connection& connection) {
  if (!std::exchange(session(connection).held, false)) return;
  shard_->release_input(connection);
}

void RandomHandler::on_tick() {
  Connection* const one = any();
  if (one == nullptr) return;
  if (session(*one).held) {
    session(*one).held = false;
    shard_->release_input(*one);
  } else if (!calm_ && random_.one_in(20)) {
    end_one(*one);
  }
}

void RandomHandler::release_all() {
  const std::vector<Connection*> all = open_;
  for (Connection* const connection : all) {
    if (!connection->open() || !std::exchange(session(*connection).held, false)) continue;
    shard_->release_input(*connection);
  }
}

void RandomHandler::end_one(Connection& connection) {
  if (random_.one_in(2)) {
    shard_->finish(connection, TestClose::kKickedOut);
  } else {
    session(connection).aborted = true;
    shard_->abort(connection, TestClose::kReplaced);
  }
}

void RandomHandler::on_close(Connection& connection, CloseReason reason) {
  Session& its = session(connection);
  EXPECT_EQ(++its.closes, 1);
  its.reason = reason;
  const bool by_abort = reason == CloseReason::kSlowConsumer || reason == CloseReason::kPeerReset ||
                        reason == CloseReason::kSendFailed || reason == CloseReason::kWriteTimeout;
  its.aborted = its.aborted || by_abort;
  if (random_.one_in(2)) append(connection, kFarewell, 0, random_.size(200));
  const std::size_t bound =
      shard_->options().limits[static_cast<std::size_t>(connection.role)].max_queued_bytes;
  const std::size_t queued = connection.output.queued_bytes();
  its.had_room = connection.role == Role::kClient ? queued < bound : queued + 100 < bound;
  std::erase(open_, &connection);
}

Connection* RandomHandler::any() {
  return open_.empty() ? nullptr : open_[random_.below(open_.size())];
}

void RandomHandler::append(Connection& connection, std::uint8_t kind, std::uint32_t value,
                           std::size_t filler) {
  const std::size_t payload_bytes = kAppendHeadBytes + filler;
  Session& its = session(connection);
  std::uint8_t* to = shard_->reserve(connection, kTcpFrameHeadBytes + payload_bytes);
  if (to == nullptr) return;
  write_tcp_frame_head(to, Opcode::kBinary, static_cast<std::uint32_t>(payload_bytes));
  to += kTcpFrameHeadBytes;
  store_be(to, its.peer);
  to[4] = kind;
  store_be(to + 5, value);
  store_be(to + 9, its.next_seq++);
  std::memset(to + kAppendHeadBytes, kind, filler);
}

// One block for several, each with a head of its own.
void RandomHandler::push_shared() {
  if (block_ == nullptr) {
    block_ = SharedBlock::create(shard_->pool(), random_.between(1, 1500));
    std::memset(block_->data(), kPush, block_->bytes);
  }
  for (std::size_t i = random_.below(5); i > 0; --i) {
    Connection* const connection = any();
    if (connection == nullptr) break;
    Session& its = session(*connection);
    std::array<std::uint8_t, kTcpFrameHeadBytes + kAppendHeadBytes> head{};
    write_tcp_frame_head(head.data(), Opcode::kBinary,
                         static_cast<std::uint32_t>(kAppendHeadBytes + block_->bytes));
    store_be(head.data() + 5, its.peer);
    head[9] = kPush;
    store_be(head.data() + 14, its.next_seq);
    if (shard_->append_shared(*connection, head, block_)) ++its.next_seq;
  }
  if (random_.one_in(3)) drop_block();
}

void RandomHandler::drop_block() {
  if (block_ == nullptr) return;
  SharedBlock::release(shard_->pool(), block_);
  block_ = nullptr;
}

}  // namespace ringgate::test
